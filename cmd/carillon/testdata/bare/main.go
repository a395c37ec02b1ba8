// Command bare serves what the benchmarks hold the service against: `bare serve constant` answers
// every request with the same few bytes, `bare serve nostore` does all that the service does for a
// batch but to keep it. Garbage is collected as by the service.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/metrics"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
)

func main() {
	debug.SetGCPercent(400)
	handlers := map[string]http.Handler{
		"constant": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = []string{"application/json"}
			w.Write([]byte(`{"UserErrors":[]}`))
		}),
		"nostore": server.New(chime.Service, nowhere{}, nowhere{}, server.Options{Meter: metrics.New(nowhere{}, slog.Default()).Meter}),
	}
	mux := http.NewServeMux()
	mux.Handle("POST /accounts/{id}/users", handlers[os.Args[2]])
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Fprintf(os.Stderr, "carillon: serving http://%s\n", listener.Addr())
		err = http.Serve(listener, mux)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// nowhere keeps nothing.
type nowhere struct{ api.API }

func (nowhere) BatchUpdateUser(context.Context, *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
	return &api.BatchUpdateUserOutput{UserErrors: []api.UserError{}}, nil
}

func (nowhere) Stats() store.Stats { return store.Stats{} }

func (nowhere) Seats(context.Context) (map[string]int, error) { return nil, nil }

func (nowhere) Used(directory.Key) {}

func (nowhere) Ended(directory.Key) string { return "" }

func (nowhere) AccessKey(context.Context, string) (directory.Key, error) {
	return directory.Key{
		ID: os.Getenv("CARILLON_ROOT_ACCESS_KEY_ID"), Secret: os.Getenv("CARILLON_ROOT_SECRET_ACCESS_KEY"),
		AWSAccountID: "111122223333", Policy: "AmazonChimeFullAccess",
	}, nil
}
