// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"slices"
	"strings"
	"testing"
)

// FuzzAccept reads the headers that decide between a page and JSON, and on the
// language. Only who names HTML gets a page, in one of the languages.
func FuzzAccept(f *testing.F) { // its seeds are in testdata/fuzz
	texts, err := loadTranslations()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, accept, languages string) {
		lower := strings.ToLower(accept)
		if prefersHTML([]string{accept}) && !strings.Contains(lower, "text/html") && !strings.Contains(lower, "application/xhtml+xml") {
			t.Errorf("%q gets a page", accept)
		}
		if prefersHTML([]string{accept, "application/json", "text/html;q=0.5, application/xhtml+xml;q=0.5"}) {
			t.Errorf("%q gets a page, and prefers JSON", accept)
		}
		if chosen := texts.choose("", languages); !slices.Contains(languageCodes(), chosen.Code) || chosen.T("product") == "" {
			t.Errorf("%q leads to the language %q", languages, chosen.Code)
		}
	})
}
