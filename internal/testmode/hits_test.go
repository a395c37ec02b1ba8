package testmode_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/testmode"
)

// failed returns the users of a reply's UserErrors, in order.
func failed(body string) (ids []string) {
	for _, m := range regexp.MustCompile(`"UserId":"([^"]*)","ErrorCode"`).FindAllStringSubmatch(body, -1) {
		ids = append(ids, m[1])
	}
	slices.Sort(ids)
	return ids
}

// inParallel calls fn for each of n numbers, by 64 clients.
func inParallel(n int, fn func(i int)) {
	var all sync.WaitGroup
	numbers := make(chan int)
	for range 64 {
		all.Go(func() {
			for i := range numbers {
				fn(i)
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	all.Wait()
}

// However many clients there are, the same users and the same calls fail.
func TestFaults_deterministic(t *testing.T) {
	s := start(t)
	var names []string
	for i := range 640 {
		names = append(names, fmt.Sprintf("u%d", i))
	}
	account, ids := s.team(t, names...)
	chunks := slices.Collect(slices.Chunk(ids, 10))
	round := func() (users, calls []string) {
		s.rules(t, `[{"id":"some","where":"item","probability":0.25,"seed":7,"effect":{"code":"Throttled"}},
			{"id":"calls","operation":"GetUser","probability":0.5,"effect":{"statusCode":503}}]`)
		var mu sync.Mutex
		inParallel(len(chunks), func(i int) {
			batch := s.call(t, "POST", "/accounts/"+account+"/users", updates("Pro", chunks[i]...))
			get := s.call(t, "GET", "/accounts/"+account+"/users/"+ids[i], "")
			mu.Lock()
			defer mu.Unlock()
			users = append(users, failed(batch.body)...)
			calls = append(calls, fmt.Sprintf("%d %d", i, get.status))
		})
		slices.Sort(users)
		slices.Sort(calls)
		return users, calls
	}
	users, calls := round()
	again, callsAgain := round()
	if !slices.Equal(users, again) || !slices.Equal(calls, callsAgain) {
		t.Errorf("of the same requests failed\n%v\n%v\nand then\n%v\n%v", users, calls, again, callsAgain)
	}
	if n := len(users); n < 640/4-40 || n > 640/4+40 {
		t.Errorf("%d of 640 users have failed, with a probability of 0.25", n)
	}
	if n := strings.Count(strings.Join(calls, " "), " 503"); n < 16 || n > 48 {
		t.Errorf("%d of 64 calls have failed, with a probability of 0.5", n)
	}
	s.rules(t, `[{"id":"some","where":"item","probability":0.25,"seed":8,"effect":{"code":"Throttled"}}]`)
	other := failed(s.call(t, "POST", "/accounts/"+account+"/users", updates("Pro", ids[:50]...)).body)
	if same := failedOf(users, ids[:50]); slices.Equal(other, same) {
		t.Errorf("another seed makes the same users fail: %v", other)
	}
}

// failedOf returns those of some users who are in a list.
func failedOf(failed, users []string) (list []string) {
	for _, id := range failed {
		if slices.Contains(users, id) {
			list = append(list, id)
		}
	}
	return list
}

// What is sent again gets a decision of its own, so that a client that goes on trying gets through.
func TestFaults_retry(t *testing.T) {
	s := start(t)
	account, ids := s.team(t, "ana", "bo", "cy", "di", "ed", "flo", "gus", "hal")
	s.rules(t, `[{"where":"item","probability":0.5,"effect":{"code":"Throttled"}},{"operation":"GetUser","probability":0.5,"effect":{"statusCode":503}}]`)
	left, rounds := ids, 0
	for ; len(left) > 0 && rounds < 50; rounds++ {
		left = failed(s.call(t, "POST", "/accounts/"+account+"/users", updates("Pro", left...)).body)
	}
	if len(left) > 0 || rounds < 2 {
		t.Errorf("after %d rounds %v still fail", rounds, left)
	}
	seen := map[int]bool{}
	for range 50 {
		seen[s.call(t, "GET", "/accounts/"+account+"/users/"+ids[0], "").status] = true
	}
	if !seen[200] || !seen[503] {
		t.Errorf("one call, 50 times: got %v", slices.Collect(maps.Keys(seen)))
	}
}

// The tokens by which clients mark a call do not count in what it is.
func TestFaults_token(t *testing.T) {
	s := start(t)
	s.works(func(context.Context, api.Request) ([]byte, error) { return []byte(`{}`), nil })
	round := func(token func(i int) string) (statuses []int) {
		s.rules(t, `[{"id":"half","probability":0.5,"effect":{"statusCode":503}}]`)
		for i := range 32 {
			statuses = append(statuses, s.call(t, "POST", "/accounts/a/rooms", fmt.Sprintf(`{"Name":"Lobby","ClientRequestToken":%q}`, token(i))).status)
		}
		return statuses
	}
	first := round(func(i int) string { return fmt.Sprint("first", i) })
	if second := round(func(i int) string { return fmt.Sprint("second", i) }); !slices.Equal(first, second) {
		t.Errorf("got %v, and with other tokens %v", first, second)
	}
}

// A probability is kept over many users.
func TestFaults_probability(t *testing.T) {
	faults := testmode.NewFaults(chime.Service, nil, readRules(t, `[{"where":"item","probability":0.25,"effect":{"code":"Throttled"}}]`))
	const users = 10_000
	n := 0
	do(t, faults, "BatchUpdateUser", func(ctx context.Context, _ api.Request) ([]byte, error) {
		for i := range users {
			if faults.Refuse(ctx, directory.Item{Operation: "BatchUpdateUser", ID: fmt.Sprint("user-", i)}) != nil {
				n++
			}
		}
		return nil, nil
	})
	if sigma := math.Sqrt(users * 0.25 * 0.75); math.Abs(float64(n)-users/4) > 4*sigma {
		t.Errorf("%d of %d users fail", n, users)
	}
}

func readRules(t testing.TB, text string) []testmode.Rule {
	t.Helper()
	rules, err := testmode.ReadRules(chime.Service, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// do lets a handler do the work of a call, with faults but without a server. It returns the answer
// that the client gets.
func do(t testing.TB, f *testmode.Faults, operation string, work api.Handler) *httptest.ResponseRecorder {
	t.Helper()
	handler := f.Intercept(chime.Service.Operation(operation), work)
	w := httptest.NewRecorder()
	(&testmode.Mode{Faults: f}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := directory.WithCaller(r.Context(), directory.Caller{AWSAccountID: awsAccount, KeyID: "AKIA"})
		status := http.StatusOK
		if _, err := handler(ctx, api.Request{Label: func(string) string { return "some" }}); err != nil {
			status = http.StatusTeapot
		}
		w.WriteHeader(status)
	})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w
}

func TestFaults_matching(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	account, ids := s.team(t, "ana", "bo")
	other, _ := s.team(t)
	visitor, err := s.keys.Create(ctx, directory.NewKey{AWSAccountID: awsAccount, Name: "visitor", Policy: "AmazonChimeReadOnly"})
	if err != nil {
		t.Fatal(err)
	}
	corp, botID, bot := s.bot(t)
	ana := "/accounts/" + account + "/users/" + ids[0]
	both := `{"UserIdList":["` + ids[1] + `","` + ids[0] + `"]}`
	type request struct {
		key                directory.Key
		method, path, body string
		headers            []string
	}
	get := func(path string, headers ...string) request {
		return request{s.root, "GET", path, "", headers}
	}
	post := func(path, body string) request { return request{s.root, "POST", path, body, nil} }
	numbersOf := func(filter, value string) request {
		return get("/phone-numbers?filter-name=" + filter + "&filter-value=" + value)
	}
	for _, test := range []struct {
		rule      string
		hit, miss []request
	}{
		{`"service":"chime"`, []request{get(ana)}, nil},
		{`"operation":"GetUser"`, []request{get(ana)}, []request{get("/accounts/" + account)}},
		{`"key":"` + visitor.ID + `"`, []request{{visitor, "GET", ana, "", nil}}, []request{get(ana)}},
		{`"account":"` + account + `"`, []request{get(ana), get("/accounts/" + account)}, []request{get("/accounts/" + other), get("/accounts")}},
		{`"region":"eu-west-1"`, []request{get(ana, "region", "eu-west-1")}, []request{get(ana)}},
		{`"test":"one"`, []request{get(ana, "X-Carillon-Test", "one")}, []request{get(ana), get(ana, "X-Carillon-Test", "two")}},
		{`"user":"` + ids[0] + `"`, []request{get(ana), post("/accounts/"+account+"/users?operation=suspend", both), post("/accounts/"+account+"/users", updates("Pro", ids...))},
			[]request{get("/accounts/" + account + "/users/" + ids[1]), get("/accounts/" + account), post("/accounts/"+account+"/users", updates("Pro", ids[1]))}},
		{`"user":"ANA@Example.com"`, []request{get(ana), post(ana, `{"LicenseType":"Pro"}`), post("/accounts/"+account+"/users", updates("Pro", ids...)),
			post("/accounts/"+account+"/users?operation=add", `{"UserEmailList":["bo@example.com","Ana@example.com"]}`),
			get("/accounts/" + account + "/users?user-email=ana%40example.com")},
			[]request{get("/accounts/" + account + "/users/" + ids[1]), get("/accounts/" + account + "/users?user-email=bo%40example.com"), get("/accounts/" + account + "/users")}},
		{`"user":"a*@example.com"`, []request{get(ana)}, []request{get("/accounts/" + account + "/users/" + ids[1]), get("/accounts/" + account + "/users/a")}},
		{`"user":"` + ids[0][:8] + `*` + ids[0][30:] + `"`, []request{get(ana)}, []request{get("/accounts/" + account + "/users/" + ids[1])}},
		{`"user":"` + ids[0] + `"`, []request{numbersOf("UserId", ids[0])}, []request{numbersOf("UserId", ids[1]), numbersOf("AccountId", ids[0])}},
		{`"user":"ana@example.com"`, []request{numbersOf("UserId", ids[0])}, []request{numbersOf("UserId", ids[1]), numbersOf("UserId", "nobody")}},
		{`"user":"+12065550101"`, []request{get("/phone-numbers/%2B12065550101"), post("/phone-numbers?operation=batch-delete", `{"PhoneNumberIds":["+12065550100","+12065550101"]}`)},
			[]request{get("/phone-numbers/%2B12065550100")}},
		{`"user":"%2B12065550101"`, []request{get("/phone-numbers/%252B12065550101"), get("/phone-numbers/%2B12065550101"), get("/phone-numbers/12065550101"),
			post("/phone-number-orders", `{"ProductType":"BusinessCalling","E164PhoneNumbers":["+12065550100","+12065550101"]}`),
			post("/accounts/"+account+"/users/"+ids[0]+"?operation=associate-phone-number", `{"E164PhoneNumber":"+12065550101"}`),
			post("/meetings/00000000-0000-4000-8000-000000000001/dial-outs", `{"FromPhoneNumber":"+12065550100","ToPhoneNumber":"+12065550101","JoinToken":"t"}`)},
			[]request{get("/phone-numbers/%252B12065550100"), get("/phone-numbers"), get(ana)}},
		{`"user":"+1206555010?"`, []request{get("/phone-numbers/%252B12065550101")}, []request{get("/phone-numbers/%252B12065550111"), get(ana)}},
		{`"user":"1206*"`, []request{get("/phone-numbers/%252B12065550101")}, []request{get("/phone-numbers/%252B12075550101")}},
		{`"user":"` + bot + `"`, []request{get("/accounts/" + corp + "/bots/" + botID), post("/accounts/"+corp+"/rooms/r/memberships", `{"MemberId":"`+botID+`"}`)},
			[]request{get("/accounts/" + corp + "/bots/nobody"), get("/accounts/" + corp + "/bots")}},
		{`"user":"m-1"`, []request{post("/accounts/"+account+"/rooms/r/memberships?operation=batch-create", `{"MembershipItemList":[{"MemberId":"m-2"},{"MemberId":"m-1"}]}`),
			post("/accounts/"+account+"/rooms/r/memberships/m-1", `{}`), get("/accounts/" + account + "/bots/m-1")}, nil},
	} {
		s.rules(t, `[{"id":"r",`+test.rule+`,"effect":{"statusCode":503,"message":"hit"}}]`)
		for _, requests := range []struct {
			list []request
			hit  bool
		}{{test.hit, true}, {test.miss, false}} {
			for _, x := range requests.list {
				got, err := s.send(s.request(t, cmp.Or(x.key, s.root), x.method, x.path, x.body, x.headers...))
				if hit := got.header.Get("X-Carillon-Fault") == "r"; err != nil || hit != requests.hit || hit != (got.status == 503) {
					t.Errorf("%s, %s %s %s %v: hit is %v, got %d %s %v", test.rule, x.method, x.path, x.body, x.headers, hit, got.status, got.body, err)
				}
			}
		}
	}

	// The activity tells whom.
	_, last := s.activity(t, "")
	s.rules(t, `[{"id":"r","test":"T","effect":{"statusCode":503}}]`)
	got := s.call(t, "GET", ana, "", "X-Carillon-Test", "T")
	lines, next := s.activity(t, fmt.Sprintf("?after=%d", last))
	want := line{last + 1, lines[0].Time, "r", "GetUser", s.root.ID, account, ids[0], "T", "before", "ServiceUnavailableException", got.header.Get("X-Amzn-Requestid")}
	if len(lines) != 1 || lines[0] != want || next != want.N {
		t.Errorf("got %+v, next %d, want %+v", lines, next, want)
	}
}

// Calls that are refused by the server itself are not hit, nor are those of other paths.
func TestFaults_unauthorized(t *testing.T) {
	s := start(t)
	s.rules(t, `[{"id":"all","effect":{"statusCode":503}}]`)
	bad := s.root
	bad.Secret = "wrong"
	if got, err := s.send(s.request(t, bad, "GET", "/accounts", "")); err != nil || got.status != 401 || got.header.Get("X-Carillon-Fault") != "" {
		t.Errorf("a bad signature: got %d, %v", got.status, err)
	}
	if got := s.call(t, "GET", "/healthz", ""); got.status != 200 {
		t.Errorf("/healthz: got %d", got.status)
	}
	if n := s.fired(t, "all"); n != 0 {
		t.Errorf("the rule has fired %d times", n)
	}
}

func TestFaults_skipAndCount(t *testing.T) {
	s := start(t)
	s.rules(t, `[{"id":"first","operation":"ListAccounts","skip":2,"count":3,"effect":{"statusCode":503}},
		{"id":"second","operation":"ListAccounts","skip":1,"count":1,"effect":{"statusCode":429}},{"id":"third","effect":{"statusCode":500}},{"id":"never","effect":{"statusCode":401}}]`)
	var got []int
	for range 8 {
		got = append(got, s.call(t, "GET", "/accounts", "").status)
	}
	// The first rule that fires wins; those after it do not even see the call.
	if want := []int{500, 429, 503, 503, 503, 500, 500, 500}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for id, want := range map[string]int{"first": 3, "second": 1, "third": 4, "never": 0} {
		if n := s.fired(t, id); n != want {
			t.Errorf("%s has fired %d times, want %d", id, n, want)
		}
	}

	// A count holds for all clients together.
	s.rules(t, `[{"id":"r","skip":10,"count":20,"effect":{"statusCode":503}}]`)
	var mu sync.Mutex
	statuses := map[int]int{}
	inParallel(64, func(int) {
		status := s.call(t, "GET", "/accounts", "").status
		mu.Lock()
		defer mu.Unlock()
		statuses[status]++
	})
	if statuses[503] != 20 || statuses[200] != 44 {
		t.Errorf("got %v", statuses)
	}
}

// Reset puts back the rules of the start, as if they had never fired.
func TestFaults_Reset(t *testing.T) {
	f := testmode.NewFaults(chime.Service, nil, readRules(t, `[{"count":1,"effect":{"statusCode":503}},{"probability":0.5,"effect":{"statusCode":503}}]`))
	works := func(context.Context, api.Request) ([]byte, error) { return nil, nil }
	var rounds [2]string
	for i := range rounds {
		for range 20 {
			rounds[i] += fmt.Sprint(do(t, f, "GetUser", works).Code, " ")
		}
		if fired := f.Fired(); fired["r1"] != 1 || fired["r2"] == 0 {
			t.Errorf("fired: %v", fired)
		}
		f.Reset()
		if fired := f.Fired(); len(fired) != 2 || fired["r1"]+fired["r2"] != 0 {
			t.Errorf("after the reset: %v", fired)
		}
		_, activity := call(t, (&testmode.Mode{Faults: f}).Handler(nil), "GET", "/_carillon/activity", "")
		if !strings.HasPrefix(activity, `{"activity":[],`) {
			t.Errorf("after the reset: %s", activity)
		}
	}
	if rounds[0] != rounds[1] || !strings.HasPrefix(rounds[0], "418 ") || !strings.Contains(rounds[0], "200") {
		t.Errorf("got %q and %q", rounds[0], rounds[1])
	}
}

func TestFaults_expires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := testmode.NewFaults(chime.Service, nil, readRules(t, `[{"id":"r","expires":"10m","effect":{"statusCode":503}}]`))
		works := func(context.Context, api.Request) ([]byte, error) { return nil, nil }
		shown := func() string {
			_, text := call(t, (&testmode.Mode{Faults: f}).Handler(nil), "GET", "/_carillon/faults", "")
			return text
		}
		time.Sleep(10*time.Minute - time.Nanosecond)
		if got := do(t, f, "GetUser", works).Code; got != http.StatusTeapot || strings.Contains(shown(), "expired") {
			t.Errorf("in time: got %d, and the rule is shown as %s", got, shown())
		}
		time.Sleep(time.Nanosecond)
		if got := do(t, f, "GetUser", works).Code; got != http.StatusOK || !strings.Contains(shown(), `"fired":1,"expired":true`) {
			t.Errorf("later: got %d, and the rule is shown as %s", got, shown())
		}
	})
}

func TestFaults_latency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where time passes in sleeps only, and those take none
		for _, where := range []string{"before", "after"} {
			f := testmode.NewFaults(chime.Service, nil, readRules(t, `[{"where":"`+where+`","effect":{"latency":{"ms":300,"jitter":100}}}]`))
			var delays []time.Duration
			for range 200 {
				start, worked := time.Now(), time.Time{}
				got := do(t, f, "GetUser", func(context.Context, api.Request) ([]byte, error) { worked = time.Now(); return nil, nil })
				if got.Code != http.StatusOK || got.Header().Get("X-Carillon-Fault") != "r1" {
					t.Fatalf("%s: got %d %v", where, got.Code, got.Header())
				}
				delays = append(delays, time.Since(start))
				if late := worked.Sub(start) > 0; late != (where == "before") {
					t.Errorf("%s: the work was done after %v", where, worked.Sub(start))
				}
			}
			least, most := slices.Min(delays), slices.Max(delays)
			if least < 200*time.Millisecond || least > 220*time.Millisecond || most > 400*time.Millisecond || most < 380*time.Millisecond {
				t.Errorf("%s: it took %v to %v", where, least, most)
			}
		}

		// A delay goes with an answer, too. A service that stops does not wait.
		f := testmode.NewFaults(chime.Service, nil, readRules(t, `[{"effect":{"statusCode":503,"latency":{"ms":50000}}}]`))
		begin := time.Now()
		never := func(context.Context, api.Request) ([]byte, error) { t.Error("the work is done"); return nil, nil }
		if got := do(t, f, "GetUser", never).Code; got != http.StatusTeapot || time.Since(begin) != 50*time.Second {
			t.Errorf("got %d after %v", got, time.Since(begin))
		}
		begin = time.Now()
		time.AfterFunc(time.Second, f.Close)
		if do(t, f, "GetUser", never); time.Since(begin) != time.Second {
			t.Errorf("stopping took %v", time.Since(begin))
		}
	})
}

// A call can be hit in each place, and its answer names all rules.
func TestFaults_severalPlaces(t *testing.T) {
	s := start(t)
	account, ids := s.team(t, "ana", "bo")
	s.rules(t, `[{"id":"late","effect":{"latency":{"ms":1}}},{"id":"item","where":"item","effect":{"code":"Throttled"}},
		{"id":"lost","where":"after","count":1,"effect":{"statusCode":500}}]`)
	path, body := "/accounts/"+account+"/users", updates("Basic", ids...)
	if got := s.call(t, "POST", path, body); got.status != 500 || !slices.Equal(got.header["X-Carillon-Fault"], []string{"late", "item", "lost"}) {
		t.Errorf("got %d %v", got.status, got.header["X-Carillon-Fault"])
	}
	if got := s.call(t, "POST", path, body); got.status != 200 || len(failed(got.body)) != 2 || !slices.Equal(got.header["X-Carillon-Fault"], []string{"late", "item"}) {
		t.Errorf("got %d %s %v", got.status, got.body, got.header["X-Carillon-Fault"])
	}
}

// An item has one answer in a call, however often it is asked for.
func TestFaults_itemOnce(t *testing.T) {
	s := start(t)
	account, ids := s.team(t, "ana")
	s.rules(t, `[{"id":"r","where":"item","count":1,"effect":{"code":"Throttled"}}]`)
	got := s.call(t, "POST", "/accounts/"+account+"/users", updates("Basic", ids[0], ids[0]))
	if len(failed(got.body)) != 2 || s.fired(t, "r") != 1 {
		t.Errorf("got %s, and the rule has fired %d times", got.body, s.fired(t, "r"))
	}
}
