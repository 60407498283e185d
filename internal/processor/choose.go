// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"fmt"
	"strings"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Choose returns the processor called name if it works on stats of type t; the empty
// type accepts every processor. Its error may be shown to the caller and lists the
// processors.
func Choose(name string, t stats.Type) (Processor, error) {
	p, found := Find(name)
	switch {
	case name == "":
		return Processor{}, fmt.Errorf("is required: choose one of %s", namesOf(t))
	case !found:
		return Processor{}, fmt.Errorf("is not known: choose one of %s", namesOf(t))
	case t != "" && p.Type != t:
		return Processor{}, fmt.Errorf("works on stats of type %s, not %s: choose one of %s", p.Type, t, namesOf(t))
	}
	return p, nil
}

// namesOf lists the processors of a type; the empty type means all.
func namesOf(t stats.Type) string {
	var names []string
	for _, p := range All() {
		if t == "" || p.Type == t {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}
