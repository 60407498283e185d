// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/openapi/lenient"
)

// bodyField names the body as a whole in errors.
const bodyField = "body"

// strictness matches members by their exact names, refuses repeated names, and accepts
// one form of UUIDs and dates each.
var strictness = json.JoinOptions(
	json.RejectUnknownMembers(true),
	json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(readUUID),
		json.UnmarshalFromFunc(readDate),
	)),
)

// decodeStrict decodes body, which must be one JSON value, into target. Errors are
// *stats.InvalidError and name the field. For an object the error is a *membersError
// with all invalid members; the other members are decoded.
func decodeStrict(body []byte, target any) error {
	if len(body) == 0 {
		return invalidBody("a JSON body is needed")
	}
	if jsontext.Value(body).Kind() == jsontext.KindNull {
		return invalidBody("must be %s, not null", kindName(reflect.TypeOf(target).Elem()))
	}
	if hasTooManyMembers(body) {
		return invalidBody("has more than %d members", maxMembers)
	}
	of := reflect.TypeOf(target).Elem()
	err := json.Unmarshal(body, target, strictness)
	var wrong validationErrors
	if err != nil {
		if of.Kind() != reflect.Struct || jsontext.Value(body).Kind() != jsontext.KindBeginObject {
			return decodeError("", body, err)
		}
		if err := json.Unmarshal(body, new(jsontext.Value)); err != nil {
			return decodeError("", body, err)
		}
		decodeMembers(body, target, &wrong)
	}
	checkRequired(body, of, &wrong)
	if wrong.all != nil {
		return &membersError{wrong.all}
	}
	return nil
}

// maxMembers bounds the members of all objects in a body. Those that are unknown are
// read several times before they are named, which took seconds for a megabyte of them.
const maxMembers = 1_000

func hasTooManyMembers(body []byte) bool {
	if bytes.Count(body, []byte{':'}) <= maxMembers {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	for members := 0; members <= maxMembers; {
		if _, err := d.ReadToken(); err != nil {
			return false // decoding reports it
		}
		if kind, length := d.StackIndex(d.StackDepth()); kind == jsontext.KindBeginObject && length%2 == 1 {
			members++
		}
	}
	return true
}

// decodeMembers decodes each member of an object separately into the struct that target
// points to, and collects the errors.
func decodeMembers(object []byte, target any, wrong *validationErrors) {
	of := reflect.TypeOf(target).Elem()
	wrong.add(unknownMembers("", memberNames(object, ""), of))
	forEachMember(object, func(name string, value jsontext.Value) {
		if !hasMember(of, name) {
			return
		}
		alone, _ := jsontext.AppendQuote([]byte{'{'}, name) // the object was read before
		alone = append(append(append(alone, ':'), value...), '}')
		if err := json.Unmarshal(alone, target, strictness); err != nil {
			bad, _ := errors.AsType[*stats.InvalidError](decodeError("", alone, err))
			wrong.add(bad)
		}
	})
}

func readUUID(d *jsontext.Decoder, id *uuid.UUID) error {
	text, ok, err := readText(d)
	if err != nil || !ok {
		return err
	}
	parsed, err := lenient.ParseUUID(text)
	if err != nil {
		return &fieldError{reason: err.Error()}
	}
	*id = parsed
	return nil
}

func readDate(d *jsontext.Decoder, date *types.Date) error {
	text, ok, err := readText(d)
	if err != nil || !ok {
		return err
	}
	parsed, err := stats.ParseDate(text)
	if err != nil {
		return &fieldError{reason: stats.ReasonOf(err)}
	}
	*date = types.Date{Time: parsed}
	return nil
}

// readText reads a string; ok is false for null, which leaves the field unset.
func readText(d *jsontext.Decoder) (text string, ok bool, err error) {
	kind := d.PeekKind()
	if kind != jsontext.KindString && kind != jsontext.KindNull {
		if err := d.SkipValue(); err != nil {
			return "", false, err
		}
		return "", false, &fieldError{reason: "must be a string"}
	}
	token, err := d.ReadToken()
	if err != nil {
		return "", false, err
	}
	return token.String(), kind == jsontext.KindString, nil
}

// fieldError is an error with a text that may be shown to the caller.
type fieldError struct{ reason string }

func (e *fieldError) Error() string { return e.reason }

// decodeError turns err into an error for the caller, in terms of the JSON that was
// sent. at is the pointer to value in the body.
func decodeError(at jsontext.Pointer, value []byte, err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return syntaxError(at, syntax)
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return invalidBody("cannot be read")
	}
	if errors.Is(semantic.Err, json.ErrUnknownName) {
		return unknownArguments(at, value, semantic)
	}
	return stats.Invalid(fieldOf(at+semantic.JSONPointer), "%s", semanticReason(semantic))
}

func syntaxError(at jsontext.Pointer, err *jsontext.SyntacticError) error {
	field := fieldOf(at + err.JSONPointer)
	if errors.Is(err.Err, jsontext.ErrDuplicateName) {
		return stats.Invalid(field, "appears twice in the same object")
	}
	reason := "unexpected end"
	if err.Err != nil {
		reason = err.Err.Error()
	}
	return &stats.InvalidError{
		Message: fmt.Sprintf("The body is not valid JSON: %s after byte %d.", reason, err.ByteOffset),
		Fields:  map[string]string{field: "is not valid JSON"},
	}
}

// semanticReason says what kind of value was expected.
func semanticReason(err *json.SemanticError) string {
	var own *fieldError
	if errors.As(err.Err, &own) {
		return own.reason
	}
	switch err.GoType {
	case reflect.TypeFor[lenient.Integer](), reflect.TypeFor[lenient.Boolean](), reflect.TypeFor[lenient.UUIDs]():
		if err.Err != nil {
			return err.Err.Error()
		}
	case reflect.TypeFor[time.Time](), reflect.TypeFor[types.Date]():
		return "must be a date such as 2026-01-31"
	case reflect.TypeFor[uuid.UUID]():
		return "must be a UUID"
	}
	return "must be " + kindName(err.GoType)
}

func kindName(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Pointer:
		return kindName(t.Elem())
	}
	return "of another type"
}

// unknownArguments names every unknown member of the object that caused err.
func unknownArguments(at jsontext.Pointer, value []byte, err *json.SemanticError) error {
	parent := err.JSONPointer.Parent()
	return unknownMembers(at+parent, memberNames(value, parent), err.GoType)
}

// unknownMembers returns an error with the given names that the struct t lacks, or nil.
func unknownMembers(at jsontext.Pointer, given []string, t reflect.Type) *stats.InvalidError {
	var names []string
	for _, name := range given {
		if !hasMember(t, name) && len(names) < maxNamed {
			names = append(names, shortName(name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	sort.Strings(names)
	fields := make(map[string]string, len(names))
	for _, name := range names {
		fields[fieldOf(at.AppendToken(name))] = "is not known here"
	}
	return &stats.InvalidError{Message: "Unknown arguments: " + strings.Join(names, ", "), Fields: fields}
}

// Limits on how many unknown members an error names, and on the bytes of a name: a
// caller may send any number of any length.
const (
	maxNamed      = 20
	maxNameLength = 200
)

func shortName(name string) string { return stats.Shorten(maxNameLength, name) }

// memberNames returns the names of the members of the object at pointer, which may go
// through arrays.
func memberNames(body []byte, pointer jsontext.Pointer) []string {
	value := jsontext.Value(body)
	for index := range pointer.Tokens() {
		value = element(value, index)
	}
	var names []string
	forEachMember(value, func(name string, _ jsontext.Value) { names = append(names, name) })
	return names
}

// element returns an element of an array, or nil.
func element(array jsontext.Value, index string) jsontext.Value {
	d := jsontext.NewDecoder(bytes.NewBuffer(array))
	if token, err := d.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginArray {
		return nil
	}
	for i := 0; ; i++ {
		value, err := d.ReadValue()
		if err != nil || strconv.Itoa(i) == index {
			return value
		}
	}
}

// forEachMember calls visit for every member of an object; other values have none. The
// values are valid until visit returns.
func forEachMember(object jsontext.Value, visit func(name string, value jsontext.Value)) {
	d := jsontext.NewDecoder(bytes.NewBuffer(object))
	if token, err := d.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
		return
	}
	for d.PeekKind() == jsontext.KindString {
		name, err := d.ReadToken()
		if err != nil {
			return
		}
		text := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return
		}
		visit(text, value)
	}
}

// hasMember reports whether the struct t has a field of this JSON name.
func hasMember(t reflect.Type, name string) bool {
	if t == nil || t.Kind() != reflect.Struct {
		return false
	}
	for field := range t.Fields() {
		if tagged, _, _ := strings.Cut(field.Tag.Get("json"), ","); tagged == name {
			return true
		}
	}
	return false
}

// checkRequired collects the required members of an object that are absent or null,
// which the Go zero value alone does not show. Arrays are left to their handlers.
func checkRequired(body []byte, t reflect.Type, wrong *validationErrors) {
	if t.Kind() != reflect.Struct {
		return
	}
	present := map[string]bool{}
	forEachMember(body, func(name string, value jsontext.Value) {
		present[name] = value.Kind() != jsontext.KindNull
	})
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !strings.Contains(options, "omitempty") && !present[name] {
			wrong.add(stats.Invalid(name, "is required"))
		}
	}
}

// fieldOf turns the pointer /0/date into 0.date, and the empty pointer into body. It
// drops a truncated name.
func fieldOf(pointer jsontext.Pointer) string {
	if pointer.LastToken() == "" {
		pointer = pointer.Parent()
	}
	var parts []string
	for token := range pointer.Tokens() {
		parts = append(parts, token)
	}
	if len(parts) == 0 {
		return bodyField
	}
	return shortName(strings.Join(parts, "."))
}

func invalidBody(format string, args ...any) error {
	return stats.Invalid(bodyField, format, args...)
}
