package engine

import (
	"fmt"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// AccountColumns are the columns of an account, in the order of [ScanAccount].
const AccountColumns = `aws_account_id, entry, account_id, name, type, status, default_license,
	supported_licenses, created, signin_delegate_groups, disable_remote_control, enable_dial_out,
	room_retention_days, conversation_retention_days, initiate_deletion`

// ScanAccount scans its columns.
func ScanAccount(row Row) (a store.Account, err error) {
	err = row.Scan(&a.AWSAccountID, &a.Entry, &a.AccountID, &a.Name, &a.Type, &a.Status, &a.DefaultLicense,
		stringListTo{&a.SupportedLicenses}, millisTo{&a.Created}, stringListTo{&a.SigninDelegateGroups},
		&a.DisableRemoteControl, &a.EnableDialOut,
		&a.RoomRetentionDays, &a.ConversationRetentionDays, millisTo{&a.InitiateDeletion})
	return a, err
}

func (s *SQL) Account(awsAccountID, accountID string) (store.Account, error) {
	return one(List(s, ScanAccount, `SELECT `+AccountColumns+` FROM accounts
		WHERE aws_account_id = $1 AND account_id = $2 AND deleted = 0`, awsAccountID, accountID))
}

func (s *SQL) FindAccount(accountID string) (store.Account, error) {
	var awsAccountID string
	err := s.ReadRow(`SELECT aws_account_id FROM account_owners WHERE account_id = $1`, []any{accountID}, &awsAccountID)
	if err != nil {
		return store.Account{}, err
	}
	return s.Account(awsAccountID, accountID)
}

// Accounts lists the accounts of an AWS account whose names begin with a prefix.
func (s *SQL) Accounts(awsAccountID, namePrefix string, after store.Entry, limit int) ([]store.Account, store.Entry, error) {
	accounts, err := List(s, ScanAccount, `SELECT `+AccountColumns+` FROM (
			SELECT * FROM accounts WHERE aws_account_id = $1 AND entry > $2 ORDER BY entry LIMIT $3
		) AS scanned WHERE deleted = 0 AND ($4 = '' OR substr(name, 1, length($4)) = $4) LIMIT $5`,
		awsAccountID, after, scan(limit), namePrefix, limit+1)
	if err != nil {
		return nil, 0, err
	}
	l := listing{"accounts", "aws_account_id", awsAccountID, after, limit, false} // some may be deleted
	return endPage(s, l, accounts, AccountEntry)
}

// AccountEntry is the entry of an account.
func AccountEntry(a *store.Account) store.Entry { return a.Entry }

func (s *SQL) InsertAccount(a *store.Account) error {
	var err error
	if a.Entry, err = s.NewRows("accounts", "aws_account_id", nil).Next(a.AWSAccountID); err != nil {
		return err
	}
	if _, err := s.Write(`INSERT INTO account_owners (account_id, aws_account_id) VALUES ($1, $2)`,
		a.AccountID, a.AWSAccountID); err != nil {
		return err
	}
	_, err = s.Write(`INSERT INTO accounts (`+AccountColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		a.AWSAccountID, a.Entry, a.AccountID, a.Name, a.Type, a.Status, a.DefaultLicense,
		stringList(a.SupportedLicenses), Millis(a.Created), stringList(a.SigninDelegateGroups),
		a.DisableRemoteControl, a.EnableDialOut,
		a.RoomRetentionDays, a.ConversationRetentionDays, Millis(a.InitiateDeletion))
	return err
}

func (s *SQL) UpdateAccount(a store.Account) error {
	return s.WriteOne(`UPDATE accounts SET name = $1, type = $2, status = $3, default_license = $4,
		supported_licenses = $5, signin_delegate_groups = $6, disable_remote_control = $7, enable_dial_out = $8,
		room_retention_days = $9, conversation_retention_days = $10, initiate_deletion = $11
		WHERE aws_account_id = $12 AND account_id = $13 AND deleted = 0`,
		a.Name, a.Type, a.Status, a.DefaultLicense, stringList(a.SupportedLicenses),
		stringList(a.SigninDelegateGroups), a.DisableRemoteControl, a.EnableDialOut,
		a.RoomRetentionDays, a.ConversationRetentionDays, Millis(a.InitiateDeletion), a.AWSAccountID, a.AccountID)
}

func (s *SQL) DeleteAccount(awsAccountID, accountID string, at time.Time) error {
	users, err := s.HasUsers(accountID)
	if err != nil {
		return err
	}
	domains, err := s.Domains(accountID)
	if err != nil {
		return err
	}
	if users || len(domains) > 0 {
		return s.Refuse(fmt.Errorf("deleting account %s: it still has users or domains", accountID))
	}
	return s.WriteOne(`UPDATE accounts SET deleted = $1 WHERE aws_account_id = $2 AND account_id = $3 AND deleted = 0`,
		Millis(at), awsAccountID, accountID)
}

// DomainColumns are the columns of a claim on a domain, in the order of [ScanDomain].
const DomainColumns = `name, aws_account_id, account_id, claimed`

// ScanDomain scans its columns.
func ScanDomain(row Row) (d store.Domain, err error) {
	err = row.Scan(&d.Name, &d.AWSAccountID, &d.AccountID, millisTo{&d.Claimed})
	return d, err
}

func (s *SQL) Domains(accountID string) ([]store.Domain, error) {
	return List(s, ScanDomain, `SELECT `+DomainColumns+` FROM domains WHERE account_id = $1 ORDER BY name`, accountID)
}

func (s *SQL) InsertDomain(d store.Domain) error {
	_, err := s.Write(`INSERT INTO domains (`+DomainColumns+`) VALUES ($1, $2, $3, $4)`,
		d.Name, d.AWSAccountID, d.AccountID, Millis(d.Claimed))
	return err
}

func (s *SQL) DeleteDomain(accountID, name string) error {
	return s.WriteOne(`DELETE FROM domains WHERE account_id = $1 AND name = $2`, accountID, name)
}
