// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/ramdisk"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// waitLimit bounds every wait of the tests. It is longer than any of them takes.
const waitLimit = 2 * time.Minute

// testKey is under which a script finds its test.
type testKey struct{}

// TestScripts runs testdata/script/*.txtar. Beside the commands of testscript
// they have:
//
//	database NAME [empty]  sets NAME to the address of a fresh database, which has
//	                       no tables if it is to be empty
//	direct NAME URL        sets NAME to the address of that database without a pooler
//	missing NAME           sets NAME to the address of a database that is not there
//	folder NAME            sets NAME to a new folder that other users can pass
//	port NAME              sets NAME to a port that is free
//	listening LOG NAME     waits for a service with that log, sets NAME to its URL
//	answers URL            waits until a service answers there
//	fills DIR              waits until something is in the folder
//	keep NAME REGEXP       sets NAME to what the regexp's group finds in stdout
//	postmaster NAME DIR    sets NAME to the process of the database below DIR
//	gone PROCESS           fails while the process lives
//	empty DIR              fails when something is in the folder
//	day NAME OFFSET        sets NAME to today, UTC, moved by so many days
//	stub NAME STATUS FILE  sets NAME to the URL of a server that answers with the file
//	silent NAME [FILE]     sets NAME to the URL of a server that never answers, or
//	                       not before there is such a file, which it answers 201 with
//	asked URL              waits until that server was asked something
//	hangup                 sends SIGHUP to what runs in the background
//	matches FILE REGEXP    waits until a line of the file matches
//	sql URL STATEMENT      changes a database without the service
//	sealed URL KEY NAME    stores a client, whose token is its name, with a secret key
//	program NAME FOLDER    sets NAME to the path of the program in a folder of the repository
//	insist                 sends SIGINT to what runs in the background until it ends
//	terminate              sends SIGTERM to what runs in the background
func TestScripts(t *testing.T) {
	t.Parallel()
	// Scripts have no home, and so would not find binaries that were fetched.
	server, err := localpg.Choose(t.Context(), localpg.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	path := string(filepath.ListSeparator) + os.Getenv("PATH") + string(filepath.ListSeparator) + server.Dir
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Values[testKey{}] = env.T().(testing.TB) // as its documentation promises
			env.Setenv("PATH", env.Getenv("PATH")+path)
			// Under the race detector each program would sleep a second at its end, for
			// races that still go on; those of the program are over with its work.
			env.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
			repository, err := filepath.Abs(root)
			env.Setenv("REPOSITORY", repository)
			return err
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "citus": // databases are on a cluster
				return pgtest.OnCluster, nil
			case "pooler": // addresses of databases lead to one
				return pgtest.BehindPooler, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"database":   takes(1, 2, database),
			"direct":     takes(2, 2, direct),
			"missing":    takes(1, 1, missing),
			"folder":     takes(1, 1, folder),
			"port":       takes(1, 1, port),
			"listening":  takes(2, 2, listening),
			"answers":    takes(1, 1, answers),
			"fills":      takes(1, 1, fills),
			"keep":       takes(2, 2, keep),
			"postmaster": takes(2, 2, postmaster),
			"gone":       takes(1, 1, gone),
			"empty":      takes(1, 1, empty),
			"day":        takes(2, 2, day),
			"stub":       takes(3, 3, stub),
			"silent":     takes(1, 2, silent),
			"asked":      takes(1, 1, asked),
			"hangup":     takes(0, 0, hangup),
			"matches":    takes(2, 2, matches),
			"sql":        takes(2, 2, sql),
			"sealed":     takes(3, 3, sealed),
			"program":    takes(2, 2, program),
			"insist":     takes(0, 0, insist),
			"terminate":  takes(0, 0, terminate),
		},
	})
}

// takes checks how a command of a script is called.
func takes(least, most int, run func(ts *testscript.TestScript, args []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < least || len(args) > most {
			ts.Fatalf("takes %d to %d arguments and no !", least, most)
		}
		run(ts, args)
	}
}

func test(ts *testscript.TestScript) testing.TB { return ts.Value(testKey{}).(testing.TB) }

func database(ts *testscript.TestScript, args []string) {
	if len(args) == 2 && args[1] == "empty" {
		ts.Setenv(args[0], pgtest.Empty(test(ts)))
		return
	}
	ts.Setenv(args[0], pgtest.New(test(ts)))
}

func direct(ts *testscript.TestScript, args []string) {
	ts.Setenv(args[0], pgtest.WithoutPooler(args[1]))
}

func missing(ts *testscript.TestScript, args []string) {
	there := pgtest.Empty(test(ts))
	ts.Setenv(args[0], strings.Replace(there, "?", "_missing?", 1))
}

// folder is not below the script's own, which nobody else may enter: started by
// root, the database runs as another user.
func folder(ts *testscript.TestScript, args []string) {
	ts.Setenv(args[0], ramdisk.Folder(test(ts)))
}

func port(ts *testscript.TestScript, args []string) {
	ts.Setenv(args[0], strconv.Itoa(servicetest.FreePort(test(ts))))
}

var listensAt = regexp.MustCompile(`the service listens.*url=(\S+)/\s`)

func listening(ts *testscript.TestScript, args []string) {
	path := ts.MkAbs(args[0])
	var log []byte
	eventually(ts, "no service listens", func() bool {
		log, _ = os.ReadFile(path) // it comes into being at the start
		return listensAt.Match(log)
	})
	ts.Setenv(args[1], string(listensAt.FindSubmatch(log)[1]))
}

func answers(ts *testscript.TestScript, args []string) {
	eventually(ts, "no answer from "+args[0], func() bool {
		status, _, err := send(http.MethodGet, args[0], "", "")
		return err == nil && status == http.StatusOK
	})
}

func fills(ts *testscript.TestScript, args []string) {
	eventually(ts, "nothing in "+args[0], func() bool {
		entries, err := os.ReadDir(args[0])
		return err == nil && len(entries) > 0
	})
}

func eventually(ts *testscript.TestScript, failure string, done func() bool) {
	for deadline := time.Now().Add(waitLimit); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s after %s", failure, waitLimit)
		}
	}
}

func keep(ts *testscript.TestScript, args []string) {
	match := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(match) != 2 {
		ts.Fatalf("stdout has nothing like %s with one group", args[1])
	}
	ts.Setenv(args[0], match[1])
}

func postmaster(ts *testscript.TestScript, args []string) {
	found, err := filepath.Glob(filepath.Join(args[1], "*", "postgres", "data", "postmaster.pid"))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("found %d databases below %s, want one", len(found), args[1])
	}
	pid, _, _ := strings.Cut(ts.ReadFile(found[0]), "\n")
	ts.Setenv(args[0], pid)
}

func gone(ts *testscript.TestScript, args []string) {
	pid, err := strconv.Atoi(args[0])
	ts.Check(err)
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		ts.Fatalf("process %d is still there (%v)", pid, err)
	}
}

func empty(ts *testscript.TestScript, args []string) {
	entries, err := os.ReadDir(args[0])
	ts.Check(err)
	if len(entries) > 0 {
		ts.Fatalf("%s holds %v", args[0], entries)
	}
}

func terminate(ts *testscript.TestScript, _ []string) { signalAll(ts, syscall.SIGTERM) }

func hangup(ts *testscript.TestScript, _ []string) { signalAll(ts, syscall.SIGHUP) }

func signalAll(ts *testscript.TestScript, signal os.Signal) {
	for _, command := range ts.BackgroundCmds() {
		ts.Check(command.Process.Signal(signal))
	}
}

// insist repeats the signal, because one that comes too early counts as the first.
func insist(ts *testscript.TestScript, _ []string) {
	for _, command := range ts.BackgroundCmds() {
		eventually(ts, "the process has not ended", func() bool {
			return errors.Is(command.Process.Signal(os.Interrupt), os.ErrProcessDone)
		})
	}
}

func matches(ts *testscript.TestScript, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[1])
	eventually(ts, "nothing like "+args[1]+" in "+args[0], func() bool {
		content, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && pattern.Match(content)
	})
}

// program compiles outside the script, whose environment has no build cache.
func program(ts *testscript.TestScript, args []string) {
	path := ts.MkAbs(args[0])
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./"+args[1])
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		ts.Fatalf("%s: %v\n%s", args[1], err, output)
	}
	ts.Setenv(args[0], path)
}

func day(ts *testscript.TestScript, args []string) {
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().UTC().AddDate(0, 0, offset).Format(time.DateOnly))
}
