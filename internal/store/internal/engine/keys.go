package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

const accessKeyColumns = `key_id, aws_account_id, name, policy, root, sealed_secret, created, expires, disabled`

const accessKeyQuery = `SELECT ` + accessKeyColumns + `, last_used FROM access_keys`

func scanAccessKey(row Row) (k store.AccessKey, err error) {
	err = row.Scan(&k.KeyID, &k.AWSAccountID, &k.Name, &k.Policy, &k.Root, &k.SealedSecret,
		millisTo{&k.Created}, millisTo{&k.Expires}, &k.Disabled, millisTo{&k.LastUsed})
	return k, err
}

func (s *SQL) AccessKey(keyID string) (store.AccessKey, error) {
	return one(List(s, scanAccessKey, accessKeyQuery+` WHERE key_id = $1`, keyID))
}

func (s *SQL) AccessKeys(awsAccountID string) ([]store.AccessKey, error) {
	return List(s, scanAccessKey, accessKeyQuery+` WHERE aws_account_id = $1 ORDER BY created, key_id`, awsAccountID)
}

func (s *SQL) PutAccessKey(k store.AccessKey) error {
	n, err := s.Write(`INSERT INTO access_keys (`+accessKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (key_id) DO UPDATE SET name = excluded.name, policy = excluded.policy, root = excluded.root,
			sealed_secret = excluded.sealed_secret, created = excluded.created, expires = excluded.expires,
			disabled = excluded.disabled
		WHERE access_keys.aws_account_id = excluded.aws_account_id`,
		k.KeyID, k.AWSAccountID, k.Name, k.Policy, k.Root, blob(k.SealedSecret),
		Millis(k.Created), Millis(k.Expires), k.Disabled)
	if err == nil && n == 0 {
		err = s.Refuse(fmt.Errorf("%w: access key %s of another AWS account", store.ErrExists, k.KeyID))
	}
	return err
}

func (s *SQL) UseAccessKey(keyID string, day time.Time) error {
	_, err := s.Write(`UPDATE access_keys SET last_used = $1 WHERE key_id = $2 AND last_used < $1`, Millis(day), keyID)
	return err
}

func (s *SQL) DeleteAccessKey(keyID string) error {
	return s.WriteOne(`DELETE FROM access_keys WHERE key_id = $1`, keyID)
}

func (s *SQL) GlobalSettings(awsAccountID string) (g store.GlobalSettings, err error) {
	err = s.ReadRow(`SELECT business_calling_bucket, voice_connector_bucket FROM global_settings WHERE aws_account_id = $1`,
		[]any{awsAccountID}, &g.BusinessCallingBucket, &g.VoiceConnectorBucket)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return g, err
}

func (s *SQL) PutGlobalSettings(awsAccountID string, g store.GlobalSettings) error {
	_, err := s.Write(`INSERT INTO global_settings (aws_account_id, business_calling_bucket, voice_connector_bucket)
		VALUES ($1, $2, $3) ON CONFLICT (aws_account_id) DO UPDATE SET
			business_calling_bucket = excluded.business_calling_bucket,
			voice_connector_bucket = excluded.voice_connector_bucket`,
		awsAccountID, g.BusinessCallingBucket, g.VoiceConnectorBucket)
	return err
}

func (s *SQL) Setting(name string) ([]byte, error) {
	var value []byte
	err := s.ReadRow(`SELECT value FROM settings WHERE name = $1`, []any{name}, &value)
	return value, err
}

func (s *SQL) PutSetting(name string, value []byte) error {
	_, err := s.Write(`INSERT INTO settings (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, blob(value))
	return err
}
