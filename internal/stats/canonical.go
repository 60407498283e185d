package stats

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// maxCanonicalExp bounds the exponents of canonical numbers.
const maxCanonicalExp = 1e9

// Canonical returns the one form that JSON of equal content has in common:
// members sorted by name, no insignificant white space, strings with the
// fewest escapes and numbers as digits·10^exponent without trailing zeros.
// Numbers are compared exactly, however many digits they have.
//
// The error of data that is not valid JSON, or that has a number with an
// exponent beyond ±10^9, tells what is wrong with it.
func Canonical(data []byte) (canonical []byte, err error) {
	err = withCanonical(data, func(form []byte) { canonical = bytes.Clone(form) })
	return canonical, err
}

// canonicalOfAny is Canonical for any data, at some expense.
func canonicalOfAny(data []byte) ([]byte, error) {
	value, err := jsontext.AppendFormat(make([]byte, 0, len(data)), data,
		jsontext.CanonicalizeRawInts(false),
		jsontext.CanonicalizeRawFloats(false),
		jsontext.ReorderRawObjects(true),
	)
	if err != nil {
		return nil, fmt.Errorf("bring JSON into its canonical form: %w", err)
	}
	return canonicalNumbers(value)
}

// canonicalNumbers rewrites the numbers of compact, valid JSON.
func canonicalNumbers(value []byte) ([]byte, error) {
	out := make([]byte, 0, len(value))
	for i := 0; i < len(value); {
		var end int
		switch c := value[i]; {
		case c == '"':
			end = endOfString(value, i)
			out = append(out, value[i:end]...)
		case c == '-' || '0' <= c && c <= '9':
			end = endOfNumber(value, i)
			var err error
			if out, err = appendCanonicalNumber(out, value[i:end]); err != nil {
				return nil, err
			}
		default:
			end = i + 1
			out = append(out, c)
		}
		i = end
	}
	return out, nil
}

// endOfString returns the index after the string that starts at i.
func endOfString(value []byte, i int) int {
	for i++; value[i] != '"'; i++ {
		if value[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// endOfNumber returns the index after the number that starts at i.
func endOfNumber(value []byte, i int) int {
	for i < len(value) && bytes.IndexByte([]byte("+-.0123456789Ee"), value[i]) >= 0 {
		i++
	}
	return i
}

// appendCanonicalNumber writes a JSON number: 250 as 25e1, 1.50 as 15e-1 and every zero as 0.
func appendCanonicalNumber(out, text []byte) ([]byte, error) {
	if isCanonicalInteger(text) {
		return append(out, text...), nil
	}
	n, _ := splitNumber(text)
	var buffer [maxNumberLen]byte
	digits := append(append(buffer[:0], n.whole...), n.fraction...)
	significant := bytes.TrimRight(digits, "0")
	if len(significant) == 0 {
		return append(out, '0'), nil
	}
	// Twice the bound, since an exponent that is out of bounds may come back
	// into them when the point and the zeros are accounted for.
	exponent, ok := n.exponentWithin(2 * maxCanonicalExp)
	exponent += len(digits) - len(significant) - len(n.fraction)
	if !ok || exponent < -maxCanonicalExp || exponent > maxCanonicalExp {
		return nil, fmt.Errorf("bring JSON into its canonical form: the exponent of %s is too large", shorten(string(text)))
	}
	if n.negative {
		out = append(out, '-')
	}
	out = append(out, bytes.TrimLeft(significant, "0")...)
	if exponent != 0 {
		out = strconv.AppendInt(append(out, 'e'), int64(exponent), 10)
	}
	return out, nil
}

// isCanonicalInteger reports whether text, a valid JSON number, is an integer
// without trailing zeros, which most numbers are.
func isCanonicalInteger(text []byte) bool {
	return bytes.IndexByte([]byte("123456789"), text[len(text)-1]) >= 0 && !bytes.ContainsAny(text, ".eE")
}

// ContentID returns a UUID (version 8) of the content of s as sent by client:
// its analysis, type, date and data in canonical form. Equal content of the
// same client has the same id, which is how a repeated request is recognised.
func ContentID(client uuid.UUID, s Stat) (id uuid.UUID, err error) {
	err = withCanonical(s.Data, func(data []byte) { id = contentID(client, s, data) })
	return id, err
}

// contentID is ContentID for data in its canonical form.
func contentID(client uuid.UUID, s Stat, data []byte) uuid.UUID {
	digest := sha256.New()
	digest.Write(client[:])
	digest.Write(s.ANR[:])
	// Neither a type nor a date contains NUL, so that the parts cannot run
	// into each other.
	digest.Write([]byte(string(s.Type) + "\x00" + s.Date.Format(time.DateOnly) + "\x00"))
	digest.Write(data)
	id := uuid.UUID(digest.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}
