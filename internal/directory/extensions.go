package directory

import (
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/model"
)

// Extensions returns what carries out the operations that the service offers beyond the API: all of
// [extension.Operations].
func Extensions(s *Service, keys *Keys) map[*model.Operation]api.Handler {
	return map[*model.Operation]api.Handler{
		&extension.ReadAudit:   s.ReadAudit,
		&extension.SearchUsers: s.SearchUsers,
		&extension.CountUsers:  s.CountUsers,
		&extension.RecordJob:   s.RecordJob,
		&extension.ListJobs:    s.ListJobs,
		&extension.ReadJob:     s.ReadJob,
		&extension.ListKeys:    keys.ListKeys,
		&extension.CreateKey:   keys.CreateKey,
		&extension.DisableKey:  keys.DisableKey,
		&extension.EnableKey:   keys.EnableKey,
		&extension.DeleteKey:   keys.DeleteKey,
	}
}
