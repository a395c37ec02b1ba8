package directory_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/directory"
)

// The names are on disk in the databases of people, so none may change or go.
func TestOperations(t *testing.T) {
	operator := []string{
		"AddMessage", "AddNumbers", "Backup", "BeginJob", "ClaimDomain", "CreateKey", "DeleteKey",
		"DeleteRoomMessages", "DisableKey", "EnableKey", "EndJob", "EnsureRootKey", "FailInvitation",
		"FailNumber", "FillOrder", "FinishCallingName", "ForgetSecret", "Import", "MakeLink", "PruneAudit",
		"PurgeMessages", "PurgeSharedMessages", "RecoverSecret", "RefuseSignIn", "RegisterUser", "ReleaseDomain",
		"ReleasePhoneNumber", "RemoveNumbers", "Restore", "RestrictNumbers", "ResumeAccount", "RevokeSession",
		"RotateSecret", "SetLicenses", "SignIn", "SignOut", "SuspendAccount", "UnrestrictNumbers",
	}
	var others []string
	all := directory.Operations()
	for _, name := range all {
		if chime.Service.Operation(name) == nil {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	equal(t, "operations that the API does not have", others, operator)
	slices.Sort(all)
	equal(t, "operations, each once", all, slices.Compact(slices.Clone(all)))
}

// Audit records are made in one place, with the operation of the change, and the compiler lets a
// change have no operation but a declared one.
func TestOperations_EveryRecordHasOne(t *testing.T) {
	made := make(map[string]int)
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "storetest") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if x, ok := n.Type.(*ast.SelectorExpr); ok && x.Sel.Name == "AuditRecord" && len(n.Elts) > 0 {
					made[filepath.ToSlash(path)]++
				}
			case *ast.CallExpr:
				if x, ok := n.Fun.(*ast.Ident); ok && x.Name == "declare" && filepath.Base(path) != "operations.go" {
					t.Errorf("%s declares an operation: declare all in operations.go", path)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "places where records are made", made, map[string]int{"../directory/audit.go": 1})
}
