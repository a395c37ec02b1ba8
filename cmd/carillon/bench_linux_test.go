package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/sigv4"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// Benchmarks of the service in a process of its own, under load from this one over loopback. Each
// iteration is a round in which all that is compared takes its turn; the metrics are medians over
// the rounds, ratios of medians of the rounds' own ratios.

const (
	benchKey    = "AKIDFORTHESETESTS000"
	benchSecret = "a-secret-for-these-tests"
	fullBatch   = 20
)

// BenchmarkRequest reports what a BatchUpdateUser of 20 costs the server in CPU: by a constant
// answer, by all that the service does but to keep it, and by the whole service on SQLite and,
// where CARILLON_TEST_POSTGRES names one, on PostgreSQL.
//
//	go test ./cmd/carillon -run '^$' -bench 'Request$' -benchtime 7x
func BenchmarkRequest(b *testing.B) {
	const requests, clients = 20_000, 16
	dir := b.TempDir()
	program, bare := build(b, dir, "."), build(b, dir, "./testdata/bare")
	sites := map[string]*benchSite{
		"constant": startSite(b, bare, 0, 0, "constant"),
		"nostore":  startSite(b, bare, 0, 0, "nostore"),
		"sqlite":   startSite(b, program, 20, 2000),
	}
	names := []string{"constant", "nostore", "sqlite"}
	if os.Getenv("CARILLON_TEST_POSTGRES") != "" {
		sites["postgres"] = startSite(b, program, 20, 2000, "--database-url", testPostgres(b))
		names = append(names, "postgres")
	}
	m := figures{}
	for b.Loop() {
		cost := map[string]float64{}
		for _, name := range names {
			n := requests
			if sites[name].store != nil {
				n /= 10
			}
			before := sites[name].cpu()
			sites[name].load(clients, n, sites[name].random)
			cost[name] = float64((sites[name].cpu() - before).Microseconds()) / float64(n)
			m.add("cpu-us-"+name, cost[name])
		}
		m.add("x-constant-nostore", cost["nostore"]/cost["constant"])
		m.add("x-constant-sqlite", cost["sqlite"]/cost["constant"])
	}
	m.report(b)
}

// BenchmarkBatches reports durable batches of 20 a second, of users at random and in the order of
// their listing, and as a ratio to the bare store: SQLite through database/sql alone, which makes
// the same changes and records in one transaction for as many batches as there are clients. Of the
// batches at random it reports how long half of them and how long 99 of 100 took at most, in ms.
//
//	go test ./cmd/carillon -run '^$' -bench 'Batches$' -benchtime 7x
func BenchmarkBatches(b *testing.B) {
	const accounts, users, batches = 20, 2000, 1000
	s := startSite(b, build(b, b.TempDir(), "."), accounts, users)
	raw := openBare(b, accounts, users)
	m := figures{}
	for b.Loop() {
		for _, clients := range []int{1, 16, 64} {
			for order, pick := range map[string]func(int) (int, []int){"random": s.random, "listed": s.listed} {
				took := s.load(clients, batches, pick)
				if order == "random" {
					slices.Sort(s.latencies)
					m.add(fmt.Sprint("ms-p50-", clients), s.latencies[len(s.latencies)/2].Seconds()*1000)
					m.add(fmt.Sprint("ms-p99-", clients), s.latencies[len(s.latencies)*99/100].Seconds()*1000)
				}
				bare := raw.batches(b, clients, batches, pick)
				m.add(fmt.Sprintf("%s-%d/s", order, clients), batches/took.Seconds())
				m.add(fmt.Sprintf("x-bare-%s-%d", order, clients), float64(bare)/float64(took))
			}
		}
	}
	m.report(b)
}

var manyUsers = flag.Int("users", 1_000_000, "users of the larger account of BenchmarkSize")

// BenchmarkSize reports how the service fares with an account of many users (-users) beside one of
// 10^4, each in a service of its own: batches in the order of the listing and at random, GetUser, a
// ListUsers of 100; and of the larger one how large its database is, in MiB, how long a start, a
// backup and a count of its seats take, and the memory, in MiB, at its peak and of a service that
// has started anew and answered one request.
//
//	go test ./cmd/carillon -run '^$' -bench 'Size$' -benchtime 7x -timeout 1h
func BenchmarkSize(b *testing.B) {
	const clients, batches, reads = 16, 500, 5000
	program := build(b, b.TempDir(), ".")
	small, large := startSite(b, program, 1, 10_000), startSite(b, program, 1, *manyUsers)
	getUser := func(s *benchSite, times int) time.Duration {
		return s.exchange(clients, times, func(int) (string, string, string, string) {
			return "GET", "/accounts/" + s.accounts[0] + "/users/" + userID(rand.N(s.users)), "", ""
		})
	}
	m := figures{}
	for b.Loop() {
		for _, job := range []struct {
			name string
			run  func(*benchSite) float64 // a second
		}{
			{"listed", func(s *benchSite) float64 { return batches / s.load(clients, batches, s.listed).Seconds() }},
			{"random", func(s *benchSite) float64 { return batches / s.load(clients, batches, s.random).Seconds() }},
			{"GetUser", func(s *benchSite) float64 { return reads / getUser(s, reads).Seconds() }},
			{"ListUsers", func(s *benchSite) float64 {
				return reads / 10 / s.exchange(clients, reads/10, func(int) (string, string, string, string) {
					return "GET", "/accounts/" + s.accounts[0] + "/users", "max-results=100", ""
				}).Seconds()
			}},
		} {
			few, many := job.run(small), job.run(large)
			m.add(job.name+"-1e4/s", few)
			m.add(job.name+"-many/s", many)
			m.add("x-"+job.name, many/few)
		}
	}
	m.add("MiB-peak", large.memory("VmHWM"))
	data := filepath.Join(large.service.cmd.Dir, "carillon-data")
	m.add("s-backup", seconds(b, func() error {
		return exec.Command(program, "backup", "--data", data, filepath.Join(b.TempDir(), "backup")).Run()
	}))
	st, err := sqlite.Open(b.Context(), data, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	m.add("s-seats", seconds(b, func() error {
		_, err := st.Seats(b.Context())
		return err
	}))
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
	if err := large.service.end(os.Interrupt); err != nil {
		b.Fatal(err)
	}
	m.add("s-start", seconds(b, func() error { return large.start(large.service.cmd.Dir) }))
	getUser(large, 1)
	m.add("MiB-idle", large.memory("VmRSS"))
	info, err := os.Stat(filepath.Join(data, sqlite.File))
	if err != nil {
		b.Fatal(err)
	}
	m.add("MiB-database", float64(info.Size())/(1<<20))
	m.report(b)
}

// BenchmarkRooms reports how many pages of 99 the service lists a second of an account with as many
// rooms as it can have, of the rooms of one who is in all of them, and of the members of a room as
// full as it can be; and as ratios to a page of 99 users.
//
//	go test ./cmd/carillon -run '^$' -bench 'Rooms$' -benchtime 9x
func BenchmarkRooms(b *testing.B) {
	const clients, pages, rooms, members = 16, 500, 1500, 1000
	s := startSite(b, build(b, b.TempDir(), "."), 1, 10_000)
	account := "/accounts/" + s.accounts[0]
	st, err := sqlite.Open(b.Context(), filepath.Join(s.service.cmd.Dir, "carillon-data"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	if err := st.Update(b.Context(), func(tx store.Tx) error {
		a, err := tx.FindAccount(s.accounts[0])
		if err != nil {
			return err
		}
		a.Type = "EnterpriseLWA"
		if err := tx.UpdateAccount(a); err != nil {
			return err
		}
		for n := range rooms {
			r := store.Room{AccountID: a.AccountID, RoomID: fmt.Sprint("room-", n), Name: fmt.Sprint("Room ", n), CreatedBy: "arn", Created: time.Now(), Updated: time.Now()}
			if err := tx.InsertRoom(&r); err != nil {
				return err
			}
			who := make([]store.RoomMembership, 1)
			if n == 0 {
				who = make([]store.RoomMembership, members)
			}
			for i := range who {
				who[i] = store.RoomMembership{MemberID: userID(i), Role: "Member", InvitedBy: "arn", Updated: time.Now()}
			}
			if err := tx.InsertRoomMemberships(r, who); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	m := figures{}
	for b.Loop() {
		var ofUsers float64
		for _, list := range []struct{ name, path, query string }{
			{"ListUsers", "/users", "max-results=99"},
			{"ListRoomMemberships", "/rooms/room-0/memberships", "max-results=99"},
			{"ListRooms", "/rooms", "max-results=99"},
			{"ListRooms-member", "/rooms", "max-results=99&member-id=" + userID(0)},
		} {
			rate := pages / s.exchange(clients, pages, func(int) (string, string, string, string) { return "GET", account + list.path, list.query, "" }).Seconds()
			m.add(list.name+"/s", rate)
			if list.name == "ListUsers" {
				ofUsers = rate
				continue
			}
			m.add("x-"+list.name, rate/ofUsers)
		}
	}
	m.report(b)
}

// BenchmarkSearch reports how long an answer to SearchUsers takes, as the fastest of some in each
// round, in an account of 100,000 users: the first page, users by the beginning of an address, one
// user by all of it, one by a part of the name, nobody, a license that nobody has, and that license
// among all whose address begins with a text. All but the first two look at as many rows as a page
// may. The first count of the users is reported, too; the service repeats it for a minute.
//
//	go test ./cmd/carillon -run '^$' -bench 'Search$' -benchtime 9x
func BenchmarkSearch(b *testing.B) {
	const users, searches = 100_000, 10
	program := build(b, b.TempDir(), ".")
	sites := map[string]*benchSite{"sqlite": startSite(b, program, 1, users)}
	if os.Getenv("CARILLON_TEST_POSTGRES") != "" {
		sites["postgres"] = startSite(b, program, 1, users, "--database-url", testPostgres(b))
	}
	m := figures{}
	account := "/carillon/accounts/" + sites["sqlite"].accounts[0] // on both
	for engine, s := range sites {
		took := s.exchange(1, 1, func(int) (string, string, string, string) { return "GET", account + "/count", "", "" })
		m.add("ms-count-"+engine, took.Seconds()*1000)
	}
	for b.Loop() {
		for engine, s := range sites {
			for name, query := range map[string]string{
				"first":           "",
				"address-begin":   "text=user00543",
				"address":         "text=user0054321%40corp0.example.com",
				"name":            "text=54321+OF+C",
				"nobody":          "text=nobody",
				"license":         "license=Basic",
				"address-license": "license=Basic&text=user",
			} {
				best := time.Hour // others may use the machine
				for range searches {
					best = min(best, s.exchange(1, 1, func(int) (string, string, string, string) { return "GET", account + "/users", query, "" }))
				}
				m.add("ms-"+name+"-"+engine, best.Seconds()*1000)
			}
		}
	}
	m.report(b)
}

// BenchmarkNumbers reports how many phone numbers the service changes a second, in batches of 50,
// and as a ratio to users in batches of 20; both in the order of their listing.
//
//	go test ./cmd/carillon -run '^$' -bench 'Numbers$' -benchtime 9x
func BenchmarkNumbers(b *testing.B) {
	const clients, changed, numbers, batch = 16, 20_000, 10_000, 50
	s := startSite(b, build(b, b.TempDir(), "."), 1, numbers)
	st, err := sqlite.Open(b.Context(), filepath.Join(s.service.cmd.Dir, "carillon-data"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	number := func(n int) string { return fmt.Sprintf("+1206555%04d", n) }
	types := []string{"BusinessCalling", "VoiceConnector"}
	all := make([]store.PhoneNumber, numbers)
	for n := range all {
		all[n] = store.PhoneNumber{AWSAccountID: "111122223333", Number: number(n), Country: "US", Type: "Local", ProductType: types[0],
			Status: "Unassigned", Created: time.Now(), Updated: time.Now()}
	}
	if err := st.Update(b.Context(), func(tx store.Tx) error { return tx.InsertPhoneNumbers(all) }); err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	m := figures{}
	for b.Loop() {
		users := changed / s.load(clients, changed/fullBatch, s.listed).Seconds()
		rate := changed / s.exchange(clients, changed/batch, func(int) (method, path, query, body string) {
			first := int(next.Add(batch)) - batch
			items := make([]string, batch)
			for i := range items {
				items[i] = fmt.Sprintf(`{"PhoneNumberId":%q,"ProductType":%q}`, number((first+i)%numbers), types[(first/numbers+1)%2])
			}
			return "POST", "/phone-numbers", "operation=batch-update", `{"UpdatePhoneNumberRequestItems":[` + strings.Join(items, ",") + "]}"
		}).Seconds()
		m.add("users/s", users)
		m.add("numbers/s", rate)
		m.add("x-users-numbers", rate/users)
	}
	m.report(b)
}

// BenchmarkBeside reports how many GetUser, and how many answers of /readyz, four clients get a
// second in a service with an account of 400,000 users: alone, beside four others that list pages
// of 100, and beside four that list with a filter that nobody passes. Ratios are to alone, and of
// the last two.
//
//	go test ./cmd/carillon -run '^$' -bench 'Beside$' -benchtime 7x
func BenchmarkBeside(b *testing.B) {
	const clients, requests, users = 4, 2000, 400_000
	s := startSite(b, build(b, b.TempDir(), "."), 1, users)
	list := "/accounts/" + s.accounts[0] + "/users"
	m := figures{}
	for b.Loop() {
		for name, path := range map[string]func() string{
			"GetUser": func() string { return list + "/" + userID(rand.N(users)) },
			"readyz":  func() string { return "/readyz" },
		} {
			rate := func(unit, query string) float64 {
				var done atomic.Bool
				others := new(sync.WaitGroup)
				if query != "" {
					others = s.talk(clients, func(int) bool { return !done.Load() }, func(int) (string, string, string, string) {
						return "GET", list, query, ""
					})
				}
				took := s.exchange(clients, requests, func(int) (string, string, string, string) { return "GET", path(), "", "" })
				done.Store(true)
				others.Wait()
				m.add(name+"-"+unit+"/s", requests/took.Seconds())
				return requests / took.Seconds()
			}
			alone := rate("alone", "")
			plain, filter := rate("plain", "max-results=100"), rate("filter", "max-results=100&user-type=SharedDevice")
			m.add("x-"+name+"-plain", plain/alone)
			m.add("x-"+name+"-filter", filter/alone)
			m.add("x-"+name+"-filter-plain", filter/plain)
		}
	}
	m.report(b)
}

func seconds(b *testing.B, fn func() error) float64 {
	b.Helper()
	begin := time.Now()
	if err := fn(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin).Seconds()
}

// figures gathers what rounds have measured.
type figures map[string][]float64

func (m figures) add(unit string, v float64) { m[unit] = append(m[unit], v) }

func (m figures) report(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	for unit, values := range m {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], unit)
	}
}

func build(b *testing.B, dir, pkg string) string {
	b.Helper()
	program := filepath.Join(dir, "program-"+filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	return program
}

// benchSite is a service that benchmarks put under load.
type benchSite struct {
	*testing.B
	program  string
	args     []string // of it
	service  *service
	store    store.Store // opened beside it; nil if it keeps nothing
	accounts []string
	users    int // of each account
	key      *sigv4.Key
	address  string

	licenses []atomic.Bool // of all users: what the next batch that names one turns around
	listing  atomic.Int64  // where batches in the order of the listing have come to

	mu        sync.Mutex
	latencies []time.Duration // of the requests of the latest load
}

// startSite starts a program, with so many users in each of some accounts.
func startSite(b *testing.B, program string, accounts, users int, args ...string) *benchSite {
	b.Helper()
	dir := b.TempDir()
	s := &benchSite{
		B: b, program: program, args: args, users: users, licenses: make([]atomic.Bool, accounts*users),
		key:      sigv4.NewKey(benchSecret, sigv4.Scope{Day: sigv4.FormatTime(time.Now())[:8], Region: "us-east-1", Service: "chime"}),
		accounts: []string{"12345678-1111-2222-3333-999999999999"},
	}
	err := s.start(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.service.end(os.Interrupt) })
	if accounts == 0 {
		s.users = 2000
		s.licenses = make([]atomic.Bool, s.users)
		return s
	}
	if len(args) > 0 {
		s.store, err = postgres.Open(b.Context(), args[len(args)-1], postgres.Options{})
	} else {
		s.store, err = sqlite.Open(b.Context(), filepath.Join(dir, "carillon-data"), sqlite.Options{})
	}
	if err == nil {
		s.accounts, err = fillStore(b, s.store, accounts, users)
	}
	if err != nil {
		b.Fatal(err)
	}
	if err := s.store.Close(); err != nil {
		b.Fatal(err)
	}
	return s
}

// start starts the program in a directory, and returns when it is ready.
func (s *benchSite) start(dir string) (err error) {
	env := append(childEnv(dir), "CARILLON_ROOT_ACCESS_KEY_ID="+benchKey, "CARILLON_ROOT_SECRET_ACCESS_KEY="+benchSecret)
	if s.service, err = startService(s.program, dir, env, s.args...); err == nil {
		s.address = strings.TrimPrefix(s.service.url, "http://")
	}
	return err
}

// userID is the id of a user of an account, in the order of the listing.
func userID(n int) string { return fmt.Sprintf("0190f5b2-7c00-7000-8000-%012d", n) }

// fillStore adds accounts with users who all have the license Pro.
func fillStore(b *testing.B, st store.Store, accounts, users int) (ids []string, err error) {
	for n := range accounts {
		a := store.Account{AWSAccountID: "111122223333", AccountID: fmt.Sprintf("12345678-1111-2222-3333-%012d", n), Name: fmt.Sprint("Bench ", n),
			Type: "Team", Status: "Active", DefaultLicense: "Pro", SupportedLicenses: []string{"Basic", "Pro"}, Created: time.Now()}
		ids = append(ids, a.AccountID)
		for first := 0; first < users && err == nil; first += 2000 {
			people := make([]store.User, min(2000, users-first))
			for i := range people {
				email := fmt.Sprintf("user%07d@corp%d.example.com", first+i, n)
				people[i] = store.User{AccountID: a.AccountID, UserID: userID(first + i), Email: email, DisplayName: fmt.Sprintf("Person %07d of Corp %d", first+i, n), License: "Pro",
					Type: "PrivateUser", Registration: "Registered", RegisteredOn: time.Now(), Invitation: "Accepted",
					InviteID: userID(first + i), InvitedOn: time.Now()}
			}
			err = st.Update(b.Context(), func(tx store.Tx) error {
				if first == 0 {
					if err := tx.InsertAccount(&a); err != nil {
						return err
					}
				}
				return tx.InsertUsers(people)
			})
		}
	}
	return ids, err
}

// random and listed choose the users of batch i: an account and the places of users in its listing.
func (s *benchSite) random(int) (account int, users []int) {
	for len(users) < fullBatch {
		if n := rand.N(s.users); !slices.Contains(users, n) {
			users = append(users, n)
		}
	}
	return rand.N(len(s.accounts)), users
}

func (s *benchSite) listed(int) (account int, users []int) {
	n := int(s.listing.Add(fullBatch)) - fullBatch
	for i := range fullBatch {
		users = append(users, (n+i)%s.users)
	}
	return n / s.users % len(s.accounts), users
}

// load sends so many batches, each of which changes all of its users, and returns how long it took.
func (s *benchSite) load(clients, batches int, pick func(int) (int, []int)) time.Duration {
	s.Helper()
	return s.exchange(clients, batches, func(i int) (method, path, query, body string) {
		account, users := pick(i)
		items := []byte(`{"UpdateUserRequestItems":[`)
		for _, n := range users {
			license := "Basic"
			if s.turn(account, n) {
				license = "Pro"
			}
			items = fmt.Appendf(items, `{"UserId":"%s","LicenseType":"%s"},`, userID(n), license)
		}
		return "POST", "/accounts/" + s.accounts[account] + "/users", "", string(items[:len(items)-1]) + "]}"
	})
}

// turn turns around which license a user has, and returns what it was.
func (s *benchSite) turn(account, n int) bool {
	license := &s.licenses[account*s.users+n]
	old := license.Load()
	license.Store(!old)
	return old
}

// exchange sends signed requests, each client the next one when it has its answer.
func (s *benchSite) exchange(clients, requests int, request func(int) (method, path, query, body string)) time.Duration {
	s.Helper()
	s.mu.Lock()
	s.latencies = nil
	s.mu.Unlock()
	begin := time.Now()
	s.talk(clients, func(i int) bool { return i < requests }, request).Wait()
	if s.Failed() {
		s.FailNow()
	}
	return time.Since(begin)
}

// talk has clients send requests as long as there is one with the next number. They have ended when
// the group it returns has.
func (s *benchSite) talk(clients int, more func(int) bool, request func(int) (method, path, query, body string)) *sync.WaitGroup {
	var next atomic.Int64
	wg := new(sync.WaitGroup)
	for range clients {
		wg.Go(func() {
			conn, err := net.Dial("tcp", s.address)
			if err != nil {
				s.Error(err)
				return
			}
			defer conn.Close()
			replies := bufio.NewReader(conn)
			var latencies []time.Duration
			defer func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.latencies = append(s.latencies, latencies...)
			}()
			for i := int(next.Add(1)) - 1; more(i) && !s.Failed(); i = int(next.Add(1)) - 1 {
				method, path, query, body := request(i)
				begin := time.Now()
				if _, err := conn.Write(s.sign(method, path, query, body)); err != nil {
					s.Error(err)
					return
				}
				if reply, err := readReply(replies); err != nil || !bytes.HasPrefix(reply, []byte("HTTP/1.1 200")) || bytes.Contains(reply, []byte("ErrorCode")) {
					s.Errorf("%s %s: %.500s %v", method, path, reply, err)
					return
				}
				latencies = append(latencies, time.Since(begin))
			}
		})
	}
	return wg
}

// sign makes a request as it goes over the wire.
func (s *benchSite) sign(method, path, query, body string) []byte {
	date := sigv4.FormatTime(time.Now())
	authorization := s.key.Authorization(benchKey, &sigv4.Request{
		Method: method, Path: path, Query: query, Date: date, SignedHeaders: "host;x-amz-date", PayloadHash: sigv4.HashPayload([]byte(body)),
		Header: func(name string) string {
			if name == "host" {
				return s.address
			}
			return date
		},
	})
	if query != "" {
		path += "?" + query
	}
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, path, s.address, date, authorization, len(body), body)
}

// readReply reads an answer that has a Content-Length.
func readReply(r *bufio.Reader) ([]byte, error) {
	var reply []byte
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		reply = append(reply, line...)
		if err != nil {
			return reply, err
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return reply, err
			}
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	header := len(reply)
	reply = append(reply, make([]byte, length)...)
	_, err := io.ReadFull(r, reply[header:])
	return reply, err
}

// cpu is the CPU time that the service has used so far.
func (s *benchSite) cpu() time.Duration {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.service.cmd.Process.Pid))
	if err != nil {
		s.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	var ticks int
	for _, field := range strings.Fields(rest)[11:13] { // utime, stime
		n, _ := strconv.Atoi(field)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// memory is a figure of the service's memory in MiB.
func (s *benchSite) memory(name string) float64 {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.service.cmd.Process.Pid))
	if err != nil {
		s.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+name+":")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		s.Fatal(err)
	}
	return float64(kib) / 1024
}

// bareStore is SQLite with nothing of ours around it: the schema, the settings that make a commit
// durable, a log of the same length, prepared statements, and one goroutine.
type bareStore struct {
	conn           *sql.Conn
	update, record *sql.Stmt
	accounts       []string
	entries        [][]int64 // of the users of each account
	entry          int64     // of the latest record
}

func openBare(b *testing.B, accounts, users int) *bareStore {
	b.Helper()
	dir := b.TempDir()
	st, err := sqlite.Open(b.Context(), dir, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	raw := &bareStore{entry: time.Now().UnixMilli() << 20}
	if raw.accounts, err = fillStore(b, st, accounts, users); err != nil {
		b.Fatal(err)
	}
	for _, account := range raw.accounts {
		err = st.View(b.Context(), func(tx store.ReadTx) error {
			all, _, err := tx.ListUsers(account, store.UserFilter{}, 0, users)
			entries := make([]int64, len(all))
			for i, u := range all {
				entries[i] = int64(u.Entry)
			}
			raw.entries = append(raw.entries, entries)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "carillon.db")+"?_sync=FULL")
	if err == nil {
		b.Cleanup(func() { db.Close() })
		raw.conn, err = db.Conn(b.Context())
	}
	for _, pragma := range []string{"PRAGMA cache_size = -32768", "PRAGMA wal_autocheckpoint = 16000"} {
		if err == nil {
			_, err = raw.conn.ExecContext(b.Context(), pragma)
		}
	}
	if err == nil {
		raw.update, err = raw.conn.PrepareContext(b.Context(), `UPDATE users SET license = $1 WHERE account_id = $2 AND entry = $3`)
	}
	if err == nil {
		raw.record, err = raw.conn.PrepareContext(b.Context(), `INSERT INTO audit (aws_account_id, entry, time, request_id, key_id, key_name, user_agent,
			operation, account_id, target, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	}
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

// batches makes what so many batches write, in one transaction for each group of them.
func (s *bareStore) batches(b *testing.B, group, batches int, pick func(int) (int, []int)) time.Duration {
	b.Helper()
	ctx := context.Background()
	begin := time.Now()
	for i := range batches {
		var err error
		exec := func(statement *sql.Stmt, args ...any) {
			if err == nil {
				_, err = statement.ExecContext(ctx, args...)
			}
		}
		if i%group == 0 {
			_, err = s.conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		}
		account, users := pick(i)
		request := fmt.Sprint("request-", i)
		for _, n := range users {
			license := []string{"Basic", "Pro", "Plus"}[rand.N(3)]
			s.entry++
			exec(s.update, license, s.accounts[account], s.entries[account][n])
			exec(s.record, "111122223333", s.entry, s.entry>>20, request, benchKey, "root", "benchmark", "BatchUpdateUser",
				s.accounts[account], userID(n), `{"LicenseType": "Pro"}`, `{"LicenseType": "`+license+`"}`)
		}
		if err == nil && (i%group == group-1 || i == batches-1) {
			_, err = s.conn.ExecContext(ctx, "COMMIT")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begin)
}

// BenchmarkTests reports what a service for tests takes: the time from its start until it is ready
// in ms, the CPU of that, its memory when idle in MiB, of which some is the program's own file; and
// with a seed of 10^4 users, the ms of a reset, and of saving and loading a snapshot.
//
//	go test ./cmd/carillon -run '^$' -bench 'Tests$' -benchtime 21x
func BenchmarkTests(b *testing.B) {
	program := build(b, b.TempDir(), ".")
	dir, args := resetSite(b, 10_000)
	begin := func(args ...string) *benchSite {
		s, err := startService(program, dir, childEnv(dir), append(args, "--listen", "127.0.0.1:0")...)
		if err != nil {
			b.Fatal(err)
		}
		return &benchSite{B: b, service: s}
	}
	seeded := begin(args...)
	defer seeded.service.end(os.Kill)
	m := figures{}
	for b.Loop() {
		begun := time.Now()
		s := begin("--test")
		m.add("start-ms", time.Since(begun).Seconds()*1e3)
		m.add("start-cpu-ms", s.cpu().Seconds()*1e3)
		m.add("idle-MiB", s.memory("VmRSS"))
		m.add("idle-file-MiB", s.memory("RssFile"))
		if err := s.service.end(os.Interrupt); err != nil {
			b.Fatal(err)
		}
		for _, ask := range []struct{ unit, method, path string }{
			{"save-ms", "POST", "snapshot/bench"}, {"load-ms", "PUT", "snapshot/bench"}, {"reset-ms", "POST", "reset"},
		} {
			begun := time.Now()
			if err := askTests(seeded.service, ask.method, ask.path); err != nil {
				b.Fatal(err)
			}
			m.add(ask.unit, time.Since(begun).Seconds()*1e3)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "tests", "snapshots", "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	m.add("snapshot-MiB", float64(info.Size())/(1<<20))
	m.report(b)
}
