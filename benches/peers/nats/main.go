// NATS request/reply as a peer of the benchmarks: a server, a service and a
// client, each a process that speaks one line of JSON at a time.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const subject = "echo"

// 256 bytes, as all others send.
var body = []byte(fmt.Sprintf(`{"text":"%s"}`, strings.Repeat("a", 245)))

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "nats peer:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	role, address := "", ""
	if len(arguments) > 0 {
		role = arguments[0]
	}
	if len(arguments) > 1 {
		address = arguments[1]
	}
	switch role {
	case "server":
		return serve()
	case "service":
		return answer(address)
	case "client":
		return ask(address)
	}
	return fmt.Errorf("%q is no role: say server, service ADDRESS or client ADDRESS", role)
}

// serve runs a server until the input ends.
func serve() error {
	nats, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	nats.Start()
	defer nats.Shutdown()
	if !nats.ReadyForConnections(10 * time.Second) {
		return fmt.Errorf("the server does not start")
	}
	address, ok := nats.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("the server does not listen on TCP but at %v", nats.Addr())
	}
	setting("nats-server", server.VERSION)
	setting("go", runtime.Version())
	setting("persistence", "none: no JetStream, at most once")
	say(map[string]any{"Ready": address.String()})
	untilTheEnd()
	return nil
}

// answer echoes every request.
func answer(address string) error {
	connection, err := nats.Connect("nats://" + address)
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = connection.Subscribe(subject, func(request *nats.Msg) { _ = request.Respond(request.Data) })
	if err != nil {
		return err
	}
	if err := connection.Flush(); err != nil {
		return err
	}
	setting("nats.go", nats.Version)
	say(map[string]any{"Ready": nil})
	untilTheEnd()
	return nil
}

type load struct {
	Closed struct {
		InFlight int `json:"in_flight"`
		Span     struct {
			Secs  int64 `json:"secs"`
			Nanos int64 `json:"nanos"`
		} `json:"span"`
	}
}

// ask keeps calls in flight as it is told, line by line.
func ask(address string) error {
	connection, err := nats.Connect("nats://" + address)
	if err != nil {
		return err
	}
	defer connection.Close()
	setting("nats.go", nats.Version)
	say(map[string]any{"Ready": nil})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var load load
		if err := json.Unmarshal(lines.Bytes(), &load); err != nil {
			return err
		}
		span := load.Closed.Span
		say(map[string]any{"Done": closed(connection, load.Closed.InFlight, time.Duration(span.Secs)*time.Second+time.Duration(span.Nanos))})
	}
	return lines.Err()
}

func closed(connection *nats.Conn, inFlight int, span time.Duration) map[string]any {
	begun, used := time.Now(), cpu()
	end := begun.Add(span)
	var callers sync.WaitGroup
	var lock sync.Mutex
	all := hdrhistogram.New(1_000, 120_000_000_000, 3)
	var failed int64
	var failure *string
	for range inFlight {
		callers.Go(func() {
			own := hdrhistogram.New(1_000, 120_000_000_000, 3)
			for {
				sent := time.Now()
				reply, err := connection.Request(subject, body, 5*time.Second)
				now := time.Now()
				if err == nil && !bytes.Equal(reply.Data, body) {
					err = fmt.Errorf("another body")
				}
				if err != nil {
					lock.Lock()
					failed++
					if failure == nil {
						text := err.Error()
						failure = &text
					}
					lock.Unlock()
				} else {
					_ = own.RecordValue(now.Sub(sent).Nanoseconds())
				}
				if now.After(end) {
					break
				}
			}
			lock.Lock()
			all.Merge(own)
			lock.Unlock()
		})
	}
	callers.Wait()
	at := func(quantile float64) float64 { return float64(all.ValueAtQuantile(quantile)) / 1e9 }
	return map[string]any{
		"done": all.TotalCount(), "failed": failed, "failure": failure,
		"seconds": time.Since(begun).Seconds(), "cpu": cpu() - used, "longest_gap": 0.0,
		"latency": map[string]float64{
			"p50": at(50), "p90": at(90), "p99": at(99), "p999": at(99.9), "max": float64(all.Max()) / 1e9,
		},
	}
}

// cpu is the time this process has used, in seconds.
func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// setting says what this runs with, to be printed beside its figures.
func setting(name, value string) {
	say(map[string]any{"Setting": [2]string{name, value}})
}

func say(word any) {
	// a line each; everything said here is JSON, and who does not listen any more has ended this
	_ = json.NewEncoder(os.Stdout).Encode(word)
}

func untilTheEnd() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
	}
}
