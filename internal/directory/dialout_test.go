package directory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/webhook"
)

const (
	meeting = "9c4d7e21-36b8-4f05-a1d2-c87e5b90f463"
	calling = `{"FromPhoneNumber":"+12065550100","ToPhoneNumber":"+12065550199","JoinToken":"c2VjcmV0"}`
)

// dialOuts returns the dial-outs of all AWS accounts, a line each without the id.
func (h *house) dialOuts(t *testing.T) (lines []string) {
	t.Helper()
	for d, err := range h.operatorAt(0).DialOuts(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(d.AWSAccountID, " ", d.MeetingID, " ", d.From, " ", d.To, " ", api.FormatTime(d.Created), " ", d.Status))
	}
	return lines
}

func TestDialOut(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.own("VoiceConnector", ana, bo)
		call := func(body string) (string, error) {
			return h.call("CreateMeetingDialOut", "meetingId="+meeting, "", body)
		}
		audited := len(h.audit())
		out, err := call(calling)
		var made struct{ TransactionId string }
		if parse(t, out, &made); err != nil || made.TransactionId == "" {
			t.Fatalf("CreateMeetingDialOut: got %s, error %v", out, err)
		}
		equal(t, "audit, which does not tell the token", h.audited(audited), []string{`CreateMeetingDialOut ` + made.TransactionId +
			`  {"TransactionId": "` + made.TransactionId + `", "MeetingId": "` + meeting + `", "FromPhoneNumber": "+12065550100", "ToPhoneNumber": "+12065550199"}`})
		if _, err := call(strings.ReplaceAll(calling, "+", "")); err != nil { // the contract lets the plus sign be missing
			t.Errorf("numbers without a plus sign: %v", err)
		}
		line := `111122223333 ` + meeting + ` +12065550100 +12065550199 ` + stamp + ` Recorded`
		equal(t, "dial-outs", h.dialOuts(t), []string{line, line})

		refused := func(want api.Exception, body string) {
			t.Helper()
			if _, err := call(body); exception(err) != want {
				t.Errorf("%s: got error %v, want %s", body, err, want)
			}
		}
		refused(api.ForbiddenException, strings.Replace(calling, "0100", "0102", 1)) // which nobody has
		h.as("444455556666").refused(api.ForbiddenException, "CreateMeetingDialOut", "meetingId="+meeting, "", calling)
		h.must("DeletePhoneNumber", "phoneNumberId="+bo, "", "")
		refused(api.ForbiddenException, strings.Replace(calling, "0100", "0101", 1)) // to be given up
		h.must("RestorePhoneNumber", "phoneNumberId="+bo, "", "")
		for _, body := range []string{``, `{}`, strings.Replace(calling, "c2VjcmV0", "x", 1), strings.Replace(calling, "+12065550199", "+0", 1),
			strings.Replace(calling, "+12065550100", "home", 1), strings.Replace(calling, "c2VjcmV0", "", 1)} {
			refused(api.BadRequestException, body)
		}
		h.refused(api.BadRequestException, "CreateMeetingDialOut", "meetingId=m1", "", calling)
		equal(t, "dial-outs", len(h.dialOuts(t)), 2)
		if _, err := call(strings.Replace(calling, "0100", "0101", 1)); err != nil {
			t.Errorf("a number that was restored: %v", err)
		}
		equal(t, "tasks", h.tasks(), []string(nil))
	})
}

// listener is a hook that is told of dial-outs. It answers with a status, 200 once there are none.
type listener struct {
	t        *testing.T
	statuses []int
	called   func()   // is called with each dial-out, if it is not nil
	heard    []string // the called numbers
	ended    []string
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		l.t.Error(err)
	}
	if want := webhook.Sign("the secret", r.Header.Get("Chime-Request-Timestamp"), body); r.Header.Get("Chime-Signature") != want {
		l.t.Errorf("signature: got %q, want %q", r.Header.Get("Chime-Signature"), want)
	}
	var told map[string]string
	if err := json.Unmarshal(body, &told); err != nil {
		l.t.Errorf("%v in %s", err, body)
	}
	l.heard = append(l.heard, told["ToPhoneNumber"][len("+120655501"):])
	delete(told, "ToPhoneNumber")
	if len(told["TransactionId"]) != 36 {
		l.t.Errorf("body: got %s, want one with an id", body)
	}
	delete(told, "TransactionId")
	equal(l.t, "body", told, map[string]string{"EventType": "MeetingDialOut", "EventTimestamp": stamp, "AwsAccountId": awsAccount, "MeetingId": meeting,
		"FromPhoneNumber": ana, "JoinToken": "c2VjcmV0"})
	if l.called != nil {
		l.called()
	}
	if len(l.statuses) > 0 {
		w.WriteHeader(l.statuses[0])
		l.statuses = l.statuses[1:]
	}
}

// nowait retries at once.
func nowait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// hooked returns a service over the store of a house with a hook.
func (h *house) hooked(t *testing.T, l *listener) *directory.Service {
	t.Helper()
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	sender := ok[*webhook.Sender](t)(webhook.New(webhook.Options{Allow: webhook.Everywhere, Wait: nowait, Timeout: patience}))
	t.Cleanup(sender.Close)
	return ok[*directory.Service](t)(directory.New(h.store, directory.Options{
		Clock: func() time.Time { return now },
		DialOutHook: &directory.DialOutHook{URL: server.URL, Secret: "the secret", Sender: sender, Ended: func(_, status, reason string) {
			l.ended = append(l.ended, strings.TrimSpace(status+" "+reason))
		}},
	}))
}

func TestDialOut_Hook(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.own("VoiceConnector", ana)
		l := &listener{t: t, statuses: []int{200, 500, 502, 200, 404, 500, 500, 500}}
		service := h.hooked(t, l)
		ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyName: "ci"})
		for i := range 6 {
			ok[*api.CreateMeetingDialOutOutput](t)(service.CreateMeetingDialOut(ctx, &api.CreateMeetingDialOutInput{
				MeetingId: meeting, FromPhoneNumber: ana, ToPhoneNumber: fmt.Sprint("+120655501", 90+i), JoinToken: "c2VjcmV0"}))
		}
		equal(t, "calls before the scheduler", l.heard, []string(nil))
		if err := service.RunDue(ctx); err != nil {
			t.Fatal(err)
		}
		// In order; what is given up keeps nothing from coming after it.
		equal(t, "calls", strings.Join(l.heard, " "), "90 91 91 91 92 93 93 93 94 95")
		equal(t, "ends", l.ended, []string{"Delivered", "Delivered", "GivenUp answered with status 404", "GivenUp answered with status 500", "Delivered", "Delivered"})
		var statuses []string
		h.write(func(tx store.Tx) error {
			all, _, err := tx.ListDialOuts(awsAccount, store.DialOutFilter{}, 0, 10)
			statuses = nil
			for _, d := range all {
				statuses = append(statuses, d.Status+d.JoinToken) // which is not kept
			}
			return err
		})
		equal(t, "statuses", statuses, []string{"Delivered", "Delivered", "GivenUp", "GivenUp", "Delivered", "Delivered"})
		equal(t, "tasks", h.tasks(), []string(nil))
		if err := service.RunDue(ctx); err != nil || len(l.heard) != 10 {
			t.Errorf("later: got %d calls, error %v, want no more", len(l.heard), err)
		}
	})
}

// A service that is so slow that another has gone on with its dial-outs leaves them to that one.
func TestDialOut_LostLease(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.own("VoiceConnector", ana)
		l := &listener{t: t}
		service := h.hooked(t, l)
		ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyName: "ci"})
		in := &api.CreateMeetingDialOutInput{MeetingId: meeting, FromPhoneNumber: ana, ToPhoneNumber: "+12065550190", JoinToken: "c2VjcmV0"}
		for range 2 {
			ok[*api.CreateMeetingDialOutOutput](t)(service.CreateMeetingDialOut(ctx, in))
		}
		var task store.Task
		l.called = func() {
			h.write(func(tx store.Tx) (err error) {
				if task, err = tx.Task(awsAccount, "", "DeliverDialOuts", awsAccount); err != nil {
					return err
				}
				task.Leased = now.Add(2 * time.Minute)
				return tx.PutTask(task)
			})
		}
		if err := service.RunDue(ctx); err == nil || !strings.Contains(err.Error(), "took longer than its lease") {
			t.Errorf("RunDue: got error %v, want that the lease is lost", err)
		}
		equal(t, "calls until the lease was lost", l.heard, []string{"90"})
		equal(t, "ends", l.ended, []string(nil))
		h.write(func(tx store.Tx) error {
			is, err := tx.Task(awsAccount, "", "DeliverDialOuts", awsAccount)
			equal(t, "the task of the other service", is, task)
			return err
		})
	})
}

// A service without a hook tells nobody, not even of what another service has left.
func TestDialOut_NoHook(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.own("VoiceConnector", ana)
		service := h.hooked(t, &listener{t: t})
		ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyName: "ci"})
		in := &api.CreateMeetingDialOutInput{MeetingId: meeting, FromPhoneNumber: ana, ToPhoneNumber: bo, JoinToken: "c2VjcmV0"}
		for range 2 {
			ok[*api.CreateMeetingDialOutOutput](t)(service.CreateMeetingDialOut(ctx, in))
		}
		h.advance(0)
		line := `111122223333 ` + meeting + ` +12065550100 +12065550101 ` + stamp + ` Recorded`
		equal(t, "dial-outs", h.dialOuts(t), []string{line, line})
		equal(t, "tasks", h.tasks(), []string(nil))
	})
}

// A hook that does not keep up bounds how many dial-outs wait for it.
func TestDialOut_Waiting(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.own("VoiceConnector", ana)
		h.write(func(tx store.Tx) error {
			for i := range 999 {
				d := store.DialOut{AWSAccountID: awsAccount, TransactionID: fmt.Sprint(i), From: ana, To: ana, Status: directory.DialOutWaiting, JoinToken: "x"}
				if err := tx.InsertDialOut(&d); err != nil {
					return err
				}
			}
			return nil
		})
		service := h.hooked(t, &listener{t: t})
		ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyName: "ci"})
		in := &api.CreateMeetingDialOutInput{MeetingId: meeting, FromPhoneNumber: ana, ToPhoneNumber: bo, JoinToken: "c2VjcmV0"}
		ok[*api.CreateMeetingDialOutOutput](t)(service.CreateMeetingDialOut(ctx, in))
		denied[*api.CreateMeetingDialOutOutput](t, api.ResourceLimitExceededException)(service.CreateMeetingDialOut(ctx, in))
	})
}
