// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// request is a small curl for the scripts: request METHOD URL [KEY [BODY]]
// prints the status and the body of the answer.
func request() {
	args := append(os.Args[1:], "", "")
	status, body, err := send(args[0], args[1], args[2], args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d\n%s\n", status, body)
}

// refused is request METHOD URL KEY, repeated until the key is refused: a running service is
// notified of changes by commands after a moment.
func refused() {
	status := 0
	for end := time.Now().Add(waitLimit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var err error
		if status, _, err = send(os.Args[1], os.Args[2], os.Args[3], ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if status == http.StatusForbidden {
			return
		}
	}
	fmt.Fprintf(os.Stderr, "the key is not refused: %d\n", status)
	os.Exit(1)
}

func send(method, url, key, body string) (status int, answer []byte, err error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("X-API-KEY", key)
	}
	client := http.Client{Timeout: waitLimit}
	response, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}
