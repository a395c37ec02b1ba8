package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	//lint:ignore SA1019 deprecated with the service it was made for, and what programs still use
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"
)

// TestClients tells one scenario by clients that know nothing of this project: create, invite,
// list in pages, update a batch with mistakes in it, suspend, unsuspend, settings, delete, a chat
// room, and a bot; then a phone number from search to deletion, a bot that answers in a room,
// retention and redaction. Those that do not come with Go are named by variables:
//
//	CARILLON_TEST_AWSCLI  an AWS CLI, of whatever release
//	CARILLON_TEST_NODE    a directory node_modules with @aws-sdk/client-chime
func TestClients(t *testing.T) {
	takesTurns(t)
	t.Parallel()
	dir := t.TempDir()
	env := append(childEnv(dir), "CARILLON_DATA="+filepath.Join(dir, "data"))
	ca := filepath.Join(dir, "ca.pem")
	b, err := startBot(ca)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := startService("carillon", dir, env, append(botFlags(ca), "--listen", "127.0.0.1:0")...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.end(os.Kill)
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	carillon := operator(t, dir, env)
	home := enterprise(t, carillon)
	env = append(env, "ENTERPRISE="+home, "BOT_URL="+b.URL)

	t.Run("Go", func(t *testing.T) { scenario(t, s, home, b.URL+"/go", carillon) })
	t.Run("this project's aws", func(t *testing.T) { script(t, dir, append(env, "CLI=aws"), "sh", "scenario.sh") })
	t.Run("AWS CLI", func(t *testing.T) {
		cli := os.Getenv("CARILLON_TEST_AWSCLI")
		if cli == "" {
			t.Skip("CARILLON_TEST_AWSCLI is not set; .ci/run sets it")
		}
		env := append(env, "AWS_PAGER=")
		alone := exec.Command(cli, "--endpoint-url", s.url, "chime", "list-accounts", "--query", "length(Accounts)")
		alone.Dir, alone.Env = dir, env
		if out, err := alone.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) == "0" {
			t.Errorf("%v: got %v and %s, want a number of accounts", alone, err, out)
		}
		script(t, dir, append(env, "CLI="+forking(t, dir, env, cli)), "sh", "scenario.sh")
	})
	t.Run("JavaScript", func(t *testing.T) {
		modules := os.Getenv("CARILLON_TEST_NODE")
		if modules == "" {
			t.Skip("CARILLON_TEST_NODE is not set; .ci/run sets it")
		}
		script(t, dir, append(env, "NODE_PATH="+modules), "node", "scenario.mjs")
	})
}

// forking returns a command that is an AWS CLI, and is faster if that is written in Python: see
// testdata/clients/forks.py.
func forking(t *testing.T, dir string, env []string, cli string) string {
	t.Helper()
	text, err := os.ReadFile(cli)
	if err != nil {
		t.Fatal(err)
	}
	python := regexp.MustCompile(`^#!(/\S*/python\S*)\n`).FindSubmatch(text)
	if python == nil {
		return cli
	}
	forks, err := filepath.Abs("testdata/clients/forks.py")
	if err != nil {
		t.Fatal(err)
	}
	address := filepath.Join(dir, "forks")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	socket, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	serve := exec.CommandContext(t.Context(), string(python[1]), forks, "serve", cli)
	serve.Dir, serve.Env, serve.ExtraFiles, serve.Stderr = dir, env, []*os.File{socket}, t.Output()
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { serve.Wait() }) // the context has ended
	run := filepath.Join(dir, "forking")
	line := fmt.Sprintf("#!/bin/sh\nexec %s -I -S %s run %s \"$@\"\n", python[1], forks, address)
	if err := os.WriteFile(run, []byte(line), 0o755); err != nil {
		t.Fatal(err)
	}
	return run
}

func script(t *testing.T, dir string, env []string, interpreter, name string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata/clients", name))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(interpreter, path)
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}

// operator returns what runs commands of the operator, and returns what they print.
func operator(t *testing.T, dir string, env []string) func(line string, more ...string) []byte {
	return func(line string, more ...string) []byte {
		t.Helper()
		cmd := exec.Command("carillon", append(strings.Fields(line), more...)...)
		cmd.Dir, cmd.Env = dir, env
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("carillon %s: %v\n%s", line, err, complaints.String())
		}
		return out
	}
}

// enterprise has the operator make an Enterprise account with three people, and a pool of numbers.
// It returns the id of the account.
func enterprise(t *testing.T, carillon func(line string, more ...string) []byte) string {
	t.Helper()
	var made struct{ Account struct{ AccountId string } }
	if err := json.Unmarshal(carillon("account create --name Enterprise --type EnterpriseLWA --output json"), &made); err != nil {
		t.Fatal(err)
	}
	id := made.Account.AccountId
	carillon("domain claim example.org --account-id", id)
	for _, name := range []string{"ana", "bo", "chidi"} {
		carillon("user register --email "+name+"@example.org --account-id", id)
	}
	carillon("number add +12065550100 +12065550101 +12065550102 +12065550103")
	return id
}

// scenario is the one of testdata/clients, told by the AWS SDK for Go. The endpoint is that of a
// bot.
func scenario(t *testing.T, s *service, enterprise, endpoint string, carillon func(line string, more ...string) []byte) {
	ctx := context.Background()
	client := chime.New(chime.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.url),
		Credentials: credentials.NewStaticCredentialsProvider(s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := client.CreateAccount(ctx, &chime.CreateAccountInput{Name: aws.String("From Go")})
	check(err)
	id := made.Account.AccountId
	_, err = client.InviteUsers(ctx, &chime.InviteUsersInput{AccountId: id, UserEmailList: []string{
		"a-" + *id + "@example.net", "b-" + *id + "@example.net", "c-" + *id + "@example.net"}})
	check(err)
	var users []string
	for pages := chime.NewListUsersPaginator(client, &chime.ListUsersInput{AccountId: id, MaxResults: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		check(err)
		for _, u := range page.Users {
			users = append(users, *u.UserId)
		}
	}
	if len(users) != 3 {
		t.Fatalf("got %d users, want the 3 invited", len(users))
	}
	batch, err := client.BatchUpdateUser(ctx, &chime.BatchUpdateUserInput{AccountId: id, UpdateUserRequestItems: []types.UpdateUserRequestItem{
		{UserId: &users[0], LicenseType: types.LicenseBasic},
		{UserId: aws.String("nobody"), LicenseType: types.LicenseBasic},
		{UserId: &users[1], LicenseType: types.LicensePlus},
	}})
	check(err)
	if e := batch.UserErrors; len(e) != 2 || e[0].ErrorCode != types.ErrorCodeNotFound || e[1].ErrorCode != types.ErrorCodeBadRequest {
		t.Errorf("got %+v, want NotFound for nobody and BadRequest for %s", e, users[1])
	}
	_, err = client.UpdateAccountSettings(ctx, &chime.UpdateAccountSettingsInput{AccountId: id, AccountSettings: &types.AccountSettings{DisableRemoteControl: aws.Bool(true)}})
	check(err)
	settings, err := client.GetAccountSettings(ctx, &chime.GetAccountSettingsInput{AccountId: id})
	check(err)
	if !*settings.AccountSettings.DisableRemoteControl || *settings.AccountSettings.EnableDialOut {
		t.Errorf("got settings %+v, want remote control disabled and no dial-out", settings.AccountSettings)
	}
	_, err = client.BatchSuspendUser(ctx, &chime.BatchSuspendUserInput{AccountId: id, UserIdList: users})
	check(err)
	_, err = client.DeleteAccount(ctx, &chime.DeleteAccountInput{AccountId: id})
	check(err)
	_, err = client.GetAccount(ctx, &chime.GetAccountInput{AccountId: id})
	if _, missing := errors.AsType[*types.NotFoundException](err); !missing {
		t.Errorf("got %v for a deleted account, want a NotFoundException", err)
	}

	people, err := client.ListUsers(ctx, &chime.ListUsersInput{AccountId: &enterprise})
	check(err)
	ana := people.Users[0]
	opened, err := client.CreateRoom(ctx, &chime.CreateRoomInput{AccountId: &enterprise, Name: aws.String("From Go")})
	check(err)
	room := opened.Room.RoomId
	added, err := client.CreateRoomMembership(ctx, &chime.CreateRoomMembershipInput{AccountId: &enterprise, RoomId: room, MemberId: ana.UserId})
	check(err)
	if m := added.RoomMembership; *m.Member.Email != *ana.PrimaryEmail || m.Role != types.RoomMembershipRoleMember || m.Member.MemberType != types.MemberTypeUser {
		t.Errorf("got membership %+v of %+v, want %s as a plain member", m, m.Member, *ana.PrimaryEmail)
	}
	_, err = client.CreateRoomMembership(ctx, &chime.CreateRoomMembershipInput{AccountId: &enterprise, RoomId: room, MemberId: ana.UserId})
	if _, conflict := errors.AsType[*types.ConflictException](err); !conflict {
		t.Errorf("got %v for a member who is added again, want a ConflictException", err)
	}
	rooms, err := client.ListRooms(ctx, &chime.ListRoomsInput{AccountId: &enterprise, MemberId: ana.UserId})
	check(err)
	if len(rooms.Rooms) != 1 || *rooms.Rooms[0].RoomId != *room {
		t.Errorf("got rooms %+v, want the new one alone", rooms.Rooms)
	}
	_, err = client.DeleteRoom(ctx, &chime.DeleteRoomInput{AccountId: &enterprise, RoomId: room})
	check(err)

	born, err := client.CreateBot(ctx, &chime.CreateBotInput{AccountId: &enterprise, DisplayName: aws.String("Go")})
	check(err)
	bot := born.Bot.BotId
	_, err = client.PutEventsConfiguration(ctx, &chime.PutEventsConfigurationInput{AccountId: &enterprise, BotId: bot, OutboundEventsHTTPSEndpoint: aws.String(endpoint)})
	check(err)
	events, err := client.GetEventsConfiguration(ctx, &chime.GetEventsConfigurationInput{AccountId: &enterprise, BotId: bot})
	check(err)
	if got := events.EventsConfiguration; aws.ToString(got.OutboundEventsHTTPSEndpoint) != endpoint || got.LambdaFunctionArn != nil {
		t.Errorf("got events configuration %+v, want %s", got, endpoint)
	}
	_, err = client.DeleteEventsConfiguration(ctx, &chime.DeleteEventsConfigurationInput{AccountId: &enterprise, BotId: bot})
	check(err)
	renewed, err := client.RegenerateSecurityToken(ctx, &chime.RegenerateSecurityTokenInput{AccountId: &enterprise, BotId: bot})
	check(err)
	if *renewed.Bot.SecurityToken == *born.Bot.SecurityToken || *renewed.Bot.DisplayName != "Go (Bot)" || renewed.Bot.BotType != types.BotTypeChatBot {
		t.Errorf("got bot %+v after %+v, want it with another token", renewed.Bot, born.Bot)
	}
	_, err = client.UpdateBot(ctx, &chime.UpdateBotInput{AccountId: &enterprise, BotId: bot, Disabled: aws.Bool(true)})
	check(err)
	found, err := client.GetBot(ctx, &chime.GetBotInput{AccountId: &enterprise, BotId: bot})
	check(err)
	if !*found.Bot.Disabled {
		t.Error("the bot is not disabled")
	}

	_, err = client.UpdateBot(ctx, &chime.UpdateBotInput{AccountId: &enterprise, BotId: bot, Disabled: aws.Bool(false)})
	check(err)
	_, err = client.PutEventsConfiguration(ctx, &chime.PutEventsConfigurationInput{AccountId: &enterprise, BotId: bot, OutboundEventsHTTPSEndpoint: aws.String(endpoint)})
	check(err)
	c := &conversation{t: t, client: client, account: &enterprise, user: ana.UserId}
	c.number(ctx)
	c.talk(ctx, carillon, found.Bot)
}

// conversation is the second half of the scenario: a phone number, and talk with a bot.
type conversation struct {
	t             *testing.T
	client        *chime.Client
	account, user *string
}

func (c *conversation) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// until calls fn until it returns true.
func (c *conversation) until(what string, fn func() bool) {
	c.t.Helper()
	for end := time.Now().Add(hung); !fn(); {
		if time.Now().After(end) {
			c.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// number has a number searched, ordered, given to the user, taken back and deleted.
func (c *conversation) number(ctx context.Context) {
	search, err := c.client.SearchAvailablePhoneNumbers(ctx, &chime.SearchAvailablePhoneNumbersInput{AreaCode: aws.String("206"), MaxResults: aws.Int32(1)})
	c.check(err)
	if len(search.E164PhoneNumbers) != 1 {
		c.t.Fatalf("got numbers %v, want one", search.E164PhoneNumbers)
	}
	number := search.E164PhoneNumbers[0]
	ordered, err := c.client.CreatePhoneNumberOrder(ctx, &chime.CreatePhoneNumberOrderInput{
		ProductType: types.PhoneNumberProductTypeBusinessCalling, E164PhoneNumbers: []string{number}})
	c.check(err)
	c.until("the order", func() bool {
		got, err := c.client.GetPhoneNumberOrder(ctx, &chime.GetPhoneNumberOrderInput{PhoneNumberOrderId: ordered.PhoneNumberOrder.PhoneNumberOrderId})
		c.check(err)
		return got.PhoneNumberOrder.Status == types.PhoneNumberOrderStatusSuccessful
	})
	_, err = c.client.AssociatePhoneNumberWithUser(ctx, &chime.AssociatePhoneNumberWithUserInput{AccountId: c.account, UserId: c.user, E164PhoneNumber: &number})
	c.check(err)
	user, err := c.client.GetUser(ctx, &chime.GetUserInput{AccountId: c.account, UserId: c.user})
	c.check(err)
	if got := aws.ToString(user.User.PrimaryProvisionedNumber); got != number {
		c.t.Errorf("the user has the number %q, want %s", got, number)
	}
	kept, err := c.client.BatchDeletePhoneNumber(ctx, &chime.BatchDeletePhoneNumberInput{PhoneNumberIds: []string{number}})
	c.check(err)
	if e := kept.PhoneNumberErrors; len(e) != 1 || e[0].ErrorCode != types.ErrorCodePhoneNumberAssociationsExist {
		c.t.Errorf("got %+v for a number that a user has, want PhoneNumberAssociationsExist", e)
	}
	_, err = c.client.DisassociatePhoneNumberFromUser(ctx, &chime.DisassociatePhoneNumberFromUserInput{AccountId: c.account, UserId: c.user})
	c.check(err)
	_, err = c.client.DeletePhoneNumber(ctx, &chime.DeletePhoneNumberInput{PhoneNumberId: &number})
	c.check(err)
}

// talk has a bot answer in a room; then the messages are kept for a time, and one is redacted.
func (c *conversation) talk(ctx context.Context, carillon func(line string, more ...string) []byte, bot *types.Bot) {
	opened, err := c.client.CreateRoom(ctx, &chime.CreateRoomInput{AccountId: c.account, Name: aws.String("With a bot")})
	c.check(err)
	room := opened.Room.RoomId
	added, err := c.client.BatchCreateRoomMembership(ctx, &chime.BatchCreateRoomMembershipInput{AccountId: c.account, RoomId: room,
		MembershipItemList: []types.MembershipItem{{MemberId: c.user}, {MemberId: bot.BotId}, {MemberId: bot.BotId, Role: types.RoomMembershipRoleAdministrator}}})
	c.check(err)
	if len(added.Errors) != 1 {
		c.t.Errorf("got %+v, want the bot refused as an administrator", added.Errors)
	}
	in := []string{"--account-id", *c.account, "--room", *room}
	var sent struct{ MessageId string }
	c.check(json.Unmarshal(carillon("message add --sender "+*c.user, append(in, "@"+*bot.BotEmail+": hello")...), &sent))
	var list struct {
		Messages []struct {
			Content  string
			Redacted bool
		}
	}
	c.until("the answer", func() bool {
		c.check(json.Unmarshal(carillon("message list --output json", in...), &list))
		return len(list.Messages) == 2 && strings.HasPrefix(list.Messages[1].Content, "You said")
	})
	_, err = c.client.PutRetentionSettings(ctx, &chime.PutRetentionSettingsInput{AccountId: c.account, RetentionSettings: &types.RetentionSettings{
		RoomRetentionSettings: &types.RoomRetentionSettings{RetentionDays: aws.Int32(365)}}})
	c.check(err)
	kept, err := c.client.GetRetentionSettings(ctx, &chime.GetRetentionSettingsInput{AccountId: c.account})
	c.check(err)
	if days := aws.ToInt32(kept.RetentionSettings.RoomRetentionSettings.RetentionDays); days != 365 || kept.InitiateDeletionTimestamp == nil {
		c.t.Errorf("got retention %d, deletion %v, want 365 days and a time", days, kept.InitiateDeletionTimestamp)
	}
	_, err = c.client.RedactRoomMessage(ctx, &chime.RedactRoomMessageInput{AccountId: c.account, RoomId: room, MessageId: &sent.MessageId})
	c.check(err)
	list.Messages = nil
	c.check(json.Unmarshal(carillon("message list --output json", in...), &list))
	if m := list.Messages; len(m) != 2 || !m[0].Redacted || m[0].Content != "" || m[1].Redacted {
		c.t.Errorf("got messages %+v, want the first one redacted", m)
	}
	_, err = c.client.DeleteRoom(ctx, &chime.DeleteRoomInput{AccountId: c.account, RoomId: room})
	c.check(err)
}
