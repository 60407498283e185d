// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/cli"
)

var update = flag.Bool("update", false, "write the real answers of the service into the tour")

const (
	root        = "../.." // of the repository, where the tour is taken
	readmeFile  = root + "/README.md"
	tourFile    = root + "/docs/tour.md"
	installFile = root + "/docs/install.md"
	// tourBase is the address of the demo in the tour.
	tourBase = "http://127.0.0.1:5000"
	// demoKey is the key of the demo's first organisation.
	demoKey = "demo-token-of-the-first-organisation"
)

// tourDay is the day on which the tour was taken: the sample data ends on the day
// of the demo.
func tourDay() time.Time { return time.Date(2026, time.March, 9, 10, 0, 0, 0, time.UTC) }

// tourStep is a command of a console block and the output below it.
type tourStep struct{ command, output string }

var console = regexp.MustCompile("(?s)```console\n(.*?)```")

// tourSteps returns the steps of the console blocks of text.
func tourSteps(text string) []tourStep {
	var steps []tourStep
	for _, block := range console.FindAllStringSubmatch(text, -1) {
		continued := false
		for line := range strings.Lines(block[1]) {
			command, isCommand := strings.CutPrefix(line, "$ ")
			switch {
			case isCommand:
				steps = append(steps, tourStep{command: command})
			case continued:
				steps[len(steps)-1].command += line
			default:
				steps[len(steps)-1].output += line
			}
			continued = (isCommand || continued) && strings.HasSuffix(line, "\\\n")
		}
	}
	return steps
}

// TestTour runs the commands of the tour on a new demo, and compares each answer with the
// documented one.
func TestTour(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(tourFile)
	if err != nil {
		t.Fatal(err)
	}
	tour := string(content)
	base := startDemo(t)
	taken, assignments, commands := 0, "", ""
	for _, step := range tourSteps(tour) {
		commands += step.command
		if !strings.HasPrefix(step.command, "curl ") {
			assignments += step.command // only what a shell remembers: see words
			continue
		}
		taken++
		output := curl(t, base, words(t, assignments, step.command))
		if *update {
			tour = strings.Replace(tour, step.command+step.output, step.command+output, 1)
			continue
		}
		if diff := cmp.Diff(step.output, output); diff != "" {
			t.Errorf("%s(-tour +answer; -update writes it)\n%s", step.command, diff)
		}
	}
	wantTaken(t, commands, unchanged, blocksBy(t))
	if taken < 10 {
		t.Errorf("the tour has %d curl lines, which is too few for a tour: were they found?", taken)
	}
	if *update {
		if err := os.WriteFile(tourFile, []byte(tour), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// startDemo runs the demo as of tourDay until the test ends, and returns its URL
// without slash at the end.
func startDemo(t *testing.T, environ ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	output, writer := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, []string{"stats-service", "demo"}, cli.Environment{
			Stdout: writer, Stderr: t.Output(), Environ: append([]string{"PORT=0"}, environ...), Now: tourDay,
		})
		writer.Close()
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("the demo ended with exit code %d", code)
		}
	})
	return announced(t, output)
}

var announcement = regexp.MustCompile(`API, to try out +(http://\S+)/api/v1/`)

// announced returns the URL that the demo prints first of all.
func announced(t *testing.T, output io.Reader) string {
	t.Helper()
	printed := make([]byte, 4096)
	n, err := io.ReadAtLeast(output, printed, 200)
	match := announcement.FindSubmatch(printed[:n])
	if match == nil {
		t.Fatalf("the demo printed %q (%v)", printed[:n], err)
	}
	go func() { _, _ = io.Copy(io.Discard, output) }()
	return string(match[1])
}

// words are the arguments of a command as a shell passes them.
func words(t *testing.T, assignments, command string) []string {
	t.Helper()
	script := assignments + "curl() { printf '%s\\0' \"$@\"; }\n" + command
	output, err := exec.Command("sh", "-euc", script).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.Split(strings.TrimSuffix(string(output), "\x00"), "\x00")
}

// curl does what curl does with those of its options that the tour uses.
func curl(t *testing.T, base string, args []string) string {
	t.Helper()
	r, format := curlRequest(t, base, args)
	client := http.Client{Timeout: waitLimit}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body) + strings.NewReplacer("%{http_code}", fmt.Sprint(response.StatusCode), `\n`, "\n").Replace(format)
}

func curlRequest(t *testing.T, base string, args []string) (r *http.Request, format string) {
	t.Helper()
	method, target, header := "", "", http.Header{}
	var body []byte
	for i := 0; i < len(args); i++ {
		switch option := args[i]; option {
		case "-s":
		case "-sw", "-X", "-H", "--data":
			i++
			switch option {
			case "-sw":
				format = args[i]
			case "-X":
				method = args[i]
			case "-H":
				name, value, _ := strings.Cut(args[i], ": ")
				header.Set(name, value)
			case "--data":
				body = curlData(t, args[i])
			}
		default:
			if target != "" || strings.HasPrefix(option, "-") {
				t.Fatalf("the tour uses curl with %q, which this test does not know", option)
			}
			target = option
		}
	}
	if method == "" && body != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, strings.Replace(target, tourBase, base, 1), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // unless it says otherwise
	}
	for name := range header {
		r.Header.Set(name, header.Get(name))
	}
	return r, format
}

func curlData(t *testing.T, data string) []byte {
	t.Helper()
	name, isFile := strings.CutPrefix(data, "@")
	if !isFile {
		return []byte(data)
	}
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
