// SPDX-License-Identifier: AGPL-3.0-or-later

package mosp

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Answer is the platform's answer about an object.
type Answer struct {
	Published bool   // whether the platform has the object
	Raw       []byte // the whole answer, valid JSON
}

// Indented returns the whole answer for people to read: members sorted by name, indented
// by four spaces, characters unescaped where JSON allows it, numbers unchanged. It does
// not end with a line break.
func (a Answer) Indented() ([]byte, error) {
	value := jsontext.Value(slices.Clone(a.Raw))
	err := value.Format(
		jsontext.Multiline(true),
		jsontext.WithIndent("    "),
		jsontext.ReorderRawObjects(true),
		jsontext.PreserveRawStrings(false),
		jsontext.CanonicalizeRawInts(false),
		jsontext.CanonicalizeRawFloats(false),
		jsontext.EscapeForHTML(false),
		jsontext.EscapeForJS(false),
	)
	if err != nil {
		return nil, fmt.Errorf("indent the answer of the MOSP platform: %w", err)
	}
	return value, nil
}

var errNoCount = errors.New("the answer has no usable metadata.count")

// parse reads an answer. Any number of objects above 0 means published: the platform may
// have several versions of the object with a UUID.
func parse(body []byte) (Answer, error) {
	var envelope struct {
		Metadata struct {
			Count jsontext.Value `json:"count"`
		} `json:"metadata"`
	}
	if !jsontext.Value(body).IsValid() {
		return Answer{}, errors.New("the answer is not JSON")
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return Answer{}, errNoCount
	}
	count, err := parseCount(envelope.Metadata.Count)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Published: count > 0, Raw: body}, nil
}

// parseCount reads a number, or a string of one as the platform writes it.
func parseCount(value jsontext.Value) (uint64, error) {
	text := string(value)
	if value.Kind() == '"' {
		if err := json.Unmarshal(value, &text); err != nil {
			return 0, errNoCount
		}
	}
	count, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, errNoCount
	}
	return count, nil
}
