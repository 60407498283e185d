// SPDX-License-Identifier: AGPL-3.0-or-later

package mosp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// FuzzAnswer reads what the platform may answer; what is accepted can be shown.
func FuzzAnswer(f *testing.F) {
	recorded, err := filepath.Glob("testdata/*.json")
	if err != nil || len(recorded) == 0 {
		f.Fatalf("no recorded answers (%v)", err)
	}
	for _, name := range recorded {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, answer := range []string{`{"metadata":{"count":"1"}}`, `{"metadata":{"count":-1}}`, `{"metadata":[]}`, `[]`, ``, `{"metadata":{"count":1e3}}`, `{"metadata":{"count":9223372036854775808}}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := parse(body)
		if err != nil {
			if answer.Published || answer.Raw != nil {
				t.Errorf("beside the error %v there is %+v", err, answer)
			}
			return
		}
		shown, err := answer.Indented()
		if err != nil {
			t.Fatalf("an answer that was accepted cannot be shown: %v", err)
		}
		if !json.Valid(shown) || !json.Valid(answer.Raw) {
			t.Errorf("shown as %q", shown)
		}
	})
}
