// SPDX-License-Identifier: AGPL-3.0-or-later

// Package lenient has types for values that callers of the API write in several ways:
// numbers and booleans as strings, and lists separated by commas.
package lenient

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Integer is a non-negative integer. It is decoded from a JSON number, or from a string with
// the digits, and encoded as a number.
type Integer int64

// maxDigits bounds an Integer so that it always fits into 64 bits.
const maxDigits = 18

// UnmarshalJSON reads 5, "5"; anything else is an error that says what is accepted.
func (i *Integer) UnmarshalJSON(data []byte) error {
	text, err := textOf(data)
	if err != nil {
		return errInteger
	}
	value, err := ParseInteger(text)
	if err != nil {
		return err
	}
	*i = value
	return nil
}

var errInteger = errors.New("must be an integer that is not negative, or its digits as a string")

// ParseInteger reads an Integer from its digits.
func ParseInteger(text string) (Integer, error) {
	if text == "" || len(text) > maxDigits || strings.Trim(text, "0123456789") != "" {
		return 0, errInteger
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errInteger
	}
	return Integer(value), nil
}

// Boolean is decoded from true, false, 1, 0 or one of them as a string, and encoded as a
// JSON boolean.
type Boolean bool

// UnmarshalJSON reads true, "true", 1, "1" and their opposites; anything else
// is an error that says what is accepted.
func (b *Boolean) UnmarshalJSON(data []byte) error {
	text, err := textOf(data)
	if err != nil {
		return errBoolean
	}
	value, err := ParseBoolean(text)
	if err != nil {
		return err
	}
	*b = value
	return nil
}

var errBoolean = errors.New(`must be true or false ("true", "false", 1, 0, "1" and "0" are taken too)`)

// ParseBoolean reads a Boolean from "true", "false", "1" or "0".
func ParseBoolean(text string) (Boolean, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errBoolean
}

// UUIDs is a list of UUIDs. It is decoded from a JSON array, from null (none) or from a
// comma-separated string, and encoded as an array.
type UUIDs []uuid.UUID

// UnmarshalJSON reads an array, null or a string; the error of an element names
// its position. An element that is null or empty is an error: ignoring it
// would turn a filter that names nobody into one for everybody.
func (u *UUIDs) UnmarshalJSON(data []byte) error {
	switch kindOf(data) {
	case 'n':
		*u = nil
		return nil
	case '"':
		return u.unmarshalString(data)
	case '[':
		return u.unmarshalArray(data)
	}
	return errUUIDs
}

func (u *UUIDs) unmarshalString(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errUUIDs
	}
	ids, err := ParseUUIDs([]string{text})
	if err != nil {
		return err
	}
	*u = ids
	return nil
}

func (u *UUIDs) unmarshalArray(data []byte) error {
	var texts []string
	if err := json.Unmarshal(data, &texts); err != nil {
		return errUUIDs
	}
	ids, err := parseEach(texts)
	if err != nil {
		return err
	}
	*u = ids
	return nil
}

var errUUIDs = errors.New("must be an array of UUIDs, or UUIDs separated by commas")

// ParseUUIDs reads UUIDs from texts, each of which may hold several that are
// separated by commas. A single empty text holds none; otherwise an empty part
// is an error.
func ParseUUIDs(texts []string) (UUIDs, error) {
	if len(texts) == 1 && texts[0] == "" {
		return nil, nil
	}
	var parts []string
	for _, text := range texts {
		parts = append(parts, strings.Split(text, ",")...)
	}
	return parseEach(parts)
}

func parseEach(texts []string) (UUIDs, error) {
	var ids UUIDs
	for i, text := range texts {
		id, err := ParseUUID(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("element %d %w", i, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

var errUUID = errors.New("must be a UUID such as 2f5a9e4e-3c1b-4a3e-9b0a-6d4f1c2b7a10")

// ParseUUID reads a UUID of any version in its usual form of 36 characters.
func ParseUUID(text string) (uuid.UUID, error) {
	if len(text) != 36 {
		return uuid.Nil, errUUID
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, errUUID
	}
	return id, nil
}

// textOf returns a JSON scalar as text, without the quotes of a string.
func textOf(data []byte) (string, error) {
	if kindOf(data) != '"' {
		return string(data), nil
	}
	var text string
	err := json.Unmarshal(data, &text)
	return text, err
}

// kindOf returns the first byte of a JSON value, which determines its kind.
func kindOf(data []byte) byte {
	if len(data) == 0 {
		return 0
	}
	return data[0]
}
