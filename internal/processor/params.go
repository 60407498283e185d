// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Params are validated parameters: names with the requested values. An absent name does
// not restrict the result.
type Params map[string][]string

// allows reports whether the parameter name admits value.
func (p Params) allows(name, value string) bool {
	asked, restricted := p[name]
	return !restricted || slices.Contains(asked, value)
}

// ParamError reports an invalid parameter of a processor. Its text may be shown to the
// caller and lists the accepted values.
type ParamError struct {
	Name   string // the parameter; empty: processor_params as a whole
	Reason string
}

// Error names the parameter as callers write it.
func (e *ParamError) Error() string {
	if e.Name == "" {
		return "processor_params: " + e.Reason
	}
	return "processor_params." + e.Name + ": " + e.Reason
}

// ParseParams checks raw, the JSON of processor_params. Nothing, null, {} and
// [] (the empty map of PHP) mean no parameters. Otherwise it must be an object
// whose values are one value, several separated by commas, or an array of
// values; null, "" and [] do not restrict. Names and values are case-sensitive.
// Every error is a *ParamError.
func (p Processor) ParseParams(raw []byte) (Params, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" || isEmptyArray(raw) {
		return nil, nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, &ParamError{Reason: "must be a JSON object without repeated names; " + p.parameterText()}
	}
	params := make(Params, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		values, err := p.parseParam(name, members[name])
		if err != nil {
			return nil, err
		}
		if len(values) > 0 {
			params[name] = values
		}
	}
	if len(params) == 0 {
		return nil, nil
	}
	return params, nil
}

func isEmptyArray(raw []byte) bool {
	var elements []jsontext.Value
	return raw[0] == '[' && json.Unmarshal(raw, &elements) == nil && len(elements) == 0
}

// parseParam returns the requested values, none if name does not restrict.
func (p Processor) parseParam(name string, raw jsontext.Value) ([]string, error) {
	accepted, known := p.Parameters[name]
	if !known {
		return nil, &ParamError{Name: stats.Shorten(maxShown, name), Reason: "unknown parameter; " + p.parameterText()}
	}
	values, ok := splitValues(raw)
	if !ok {
		return nil, &ParamError{Name: name, Reason: "must be a string or an array of strings: use " + joinOr(accepted)}
	}
	for i, value := range values {
		values[i] = strings.TrimSpace(value)
		if !slices.Contains(accepted, values[i]) {
			reason := fmt.Sprintf("unknown value %q: use %s", stats.Shorten(maxShown, values[i]), joinOr(accepted))
			return nil, &ParamError{Name: name, Reason: reason}
		}
	}
	return values, nil
}

// splitValues reads a string, an array of strings or null.
func splitValues(raw jsontext.Value) (values []string, ok bool) {
	if raw.Kind() == '"' {
		var list string
		if json.Unmarshal(raw, &list) != nil {
			return nil, false
		}
		if strings.TrimSpace(list) == "" {
			return nil, true
		}
		return strings.Split(list, ","), true
	}
	err := json.Unmarshal(raw, &values)
	return values, err == nil
}

// parameterText describes the parameters of p for error messages.
func (p Processor) parameterText() string {
	if len(p.Parameters) == 0 {
		return p.Name + " takes no parameters"
	}
	parts := make([]string, 0, len(p.Parameters))
	for _, name := range slices.Sorted(maps.Keys(p.Parameters)) {
		parts = append(parts, fmt.Sprintf("%s (%s)", name, joinOr(p.Parameters[name])))
	}
	return p.Name + " takes " + strings.Join(parts, " and ")
}

func joinOr(values []string) string { return strings.Join(values, " or ") }

// maxShown bounds how many bytes of input an error message quotes.
const maxShown = 60
