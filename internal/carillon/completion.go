package carillon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

// completionCommand declares `carillon completion`.
func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells, "|"),
		Short: "print a script that completes command lines",
		Long: `Print a script by which a shell completes commands, flags and values of carillon:
bash, zsh, fish or powershell. Accounts are asked for where the command will look
for them, so that completion knows their names.

docs/completion.md says where each shell wants the script. For the command "aws"
there is aws_completer.`,
		Example: `eval "$(carillon completion bash)"
carillon completion fish > ~/.config/fish/completions/carillon.fish`,
		RunE:              func(c *cobra.Command, words []string) error { return p.completion(c.Root(), words[0]) },
		ValidArgsFunction: once(fixed(shells...)),
	}
}

func (p *program) completion(root *cobra.Command, shell string) error {
	var script bytes.Buffer
	var err error
	switch shell {
	case "bash":
		script.WriteString(bashFunctions)
		err = root.GenBashCompletionV2(&script, true)
	case "zsh":
		err = root.GenZshCompletion(&script)
	case "fish":
		err = root.GenFishCompletion(&script, true)
	case "powershell":
		err = root.GenPowerShellCompletionWithDesc(&script)
	default:
		return p.misused(fmt.Sprintf("there is no script for %q: use %s", shell, strings.Join(shells, ", ")))
	}
	if err != nil {
		return err
	}
	// Of --set=NAME=VALUE Cobra takes all up to the last "=" for the flag.
	_, err = io.WriteString(p.stdout, strings.ReplaceAll(script.String(), "'-.*='", "'-[^=]*='"))
	return err
}

// bashFunctions stand in for two functions of the package bash-completion, which Cobra's script
// calls: not every machine has it.
const bashFunctions = `declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
    # The words of the line, those put together again that bash has split at = and :
    local line=$COMP_LINE blank i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${line%%[![:blank:]]*}
        line=${line#"$blank"}
        line=${line#"${COMP_WORDS[i]}"}
        if [[ $i -eq 0 || -n $blank ]]; then
            words+=("${COMP_WORDS[i]}")
        else
            words[${#words[@]}-1]+=${COMP_WORDS[i]}
        fi
    done
    cword=$((${#words[@]} - 1))
    cur=${words[cword]}
    prev=${words[cword - 1]}
}

declare -F _filedir >/dev/null || _filedir() {
    # Directories, and files with one of the extensions in $1
    local file
    while IFS= read -r file; do
        if [[ -d $file || "|$1" == *"|${file##*.}|"* ]]; then
            COMPREPLY+=("$file")
        fi
    done < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
}

`

// What completes the values of flags and operands. A completion that fails offers nothing: the
// command itself will say what is wrong.

const (
	noFiles  = cobra.ShellCompDirectiveNoFileComp
	anyFile  = cobra.ShellCompDirectiveDefault
	onlyThis = cobra.ShellCompDirectiveFilterFileExt // the completions are extensions of files
)

// Words that completion offers. What they may be is decided elsewhere.
var (
	licenses     = []string{string(api.LicenseBasic), string(api.LicensePlus), string(api.LicensePro), string(api.LicenseProTrial)}
	accountTypes = []string{string(api.AccountTypeTeam), string(api.AccountTypeEnterpriseLWA), string(api.AccountTypeEnterpriseDirectory),
		string(api.AccountTypeEnterpriseOIDC)}
)

// fixed completes by words that are known.
func fixed(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return beginning(begun, words), noFiles
	}
}

// listOf completes a list of words with commas between them.
func listOf(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before := begun[:strings.LastIndexByte(begun, ',')+1]
		given := strings.Split(before, ",")
		var lists []string
		for _, word := range words {
			if !slices.Contains(given, word) {
				lists = append(lists, before+word)
			}
		}
		return beginning(begun, lists), noFiles | cobra.ShellCompDirectiveNoSpace
	}
}

// once completes the first operand only.
func once(fn cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, words []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(words) > 0 {
			return nil, noFiles
		}
		return fn(c, words, begun)
	}
}

// filesOf completes by the names of files with these extensions, or of all files.
func filesOf(extensions ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if extensions == nil {
			return nil, anyFile
		}
		return extensions, onlyThis
	}
}

func beginning(begun string, words []string) []cobra.Completion {
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !strings.HasPrefix(word, begun) })
}

// patience is how long a person waits for completion.
const patience = 2 * time.Second

// found completes by what a function finds in the store or asks a service for.
func (p *program) found(find func(context.Context) ([]cobra.Completion, error)) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if p.readVariables(c) != nil {
			return nil, noFiles
		}
		ctx, cancel := context.WithTimeout(c.Context(), patience)
		defer cancel()
		words, err := find(ctx)
		if err != nil {
			return nil, noFiles
		}
		return beginning(begun, words), noFiles
	}
}

// described is a completion with a text beside it, on one line.
func described(word, text string) cobra.Completion {
	return cobra.CompletionWithDesc(word, strings.Join(strings.Fields(text), " "))
}

// storeAccounts completes by the accounts in a store.
func (p *program) storeAccounts(d *database) cobra.CompletionFunc {
	return p.found(func(ctx context.Context) (found []cobra.Completion, err error) {
		where := d.orDefault()
		st, err := where.open(ctx)
		if err != nil {
			return nil, err
		}
		defer st.Close()
		err = st.View(ctx, func(tx store.ReadTx) error {
			owners, err := tx.AWSAccounts()
			for _, owner := range owners {
				var accounts []store.Account
				if accounts, _, err = tx.Accounts(owner, store.AccountFilter{}, 0, mostOffered); err != nil {
					break
				}
				for _, a := range accounts {
					found = append(found, described(a.AccountID, a.Name))
				}
			}
			return err
		})
		return found, err
	})
}

// mostOffered is the most accounts of an AWS account that completion offers.
const mostOffered = 100

// storeKeys completes by the access keys in a store.
func (p *program) storeKeys(d *database) cobra.CompletionFunc {
	return p.found(func(ctx context.Context) (found []cobra.Completion, err error) {
		where := d.orDefault()
		st, err := where.open(ctx)
		if err != nil {
			return nil, err
		}
		defer st.Close()
		keys, err := directory.NewKeys(st, nil, directory.Options{}).List(ctx, "")
		for _, key := range keys {
			found = append(found, described(key.ID, key.Name))
		}
		return found, err
	})
}

// policyOrFile completes by the managed policies, or by files where none begins like that.
func policyOrFile(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return beginning(begun, managedPolicies()), anyFile
}

// setting completes NAME=VALUE.
func setting(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	words := bulk.Settings(begun)
	if len(words) == 1 && strings.HasSuffix(words[0], "=") {
		return words, noFiles | cobra.ShellCompDirectiveNoSpace
	}
	return words, noFiles
}
