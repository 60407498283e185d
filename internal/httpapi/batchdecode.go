package httpapi

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/internal/stats"
)

// maxItems is how many stats a batch may have. The smallest take many times the
// memory of their text; front offices send five for each analysis.
const maxItems = 10_000

// tooManyItemsError is about a batch with more than maxItems.
type tooManyItemsError struct{}

func (tooManyItemsError) Error() string {
	return fmt.Sprintf("The batch has more than %d stats; send it in smaller ones.", maxItems)
}

// decodeBatch reads an array of stats item by item, so that the text of a large
// batch is never held beside what it says. Errors are tooManyItemsError, and
// *stats.InvalidError, which name the item and the field.
func decodeBatch(body io.Reader, batch *[]api.NewStats) error {
	// Repeated names are found in the items, once.
	d := jsontext.NewDecoder(body, jsontext.AllowDuplicateNames(true))
	if err := enterArray(d); err != nil {
		return err
	}
	incomplete := 0
	for i := 0; d.PeekKind() != jsontext.KindEndArray; i++ {
		if incomplete == maxReported {
			return faultsOf(*batch) // what follows would only cost memory
		}
		if i == maxItems {
			return tooManyItemsError{}
		}
		value, err := d.ReadValue()
		if err != nil {
			return decodeError("", nil, err)
		}
		item, err := decodeItem(value)
		if err != nil {
			return decodeError(jsontext.Pointer("/"+strconv.Itoa(i)), value, err)
		}
		if missingField(item) != "" {
			incomplete++
		}
		*batch = append(*batch, item)
	}
	if _, err := d.ReadToken(); err != nil {
		return decodeError("", nil, err)
	}
	return endOfBody(d)
}

// decodeItem reads an item, which must be valid JSON but for names that repeat.
func decodeItem(value []byte) (item api.NewStats, err error) {
	if decodeUsual(value, &item) {
		return item, nil
	}
	item = api.NewStats{}
	return item, json.Unmarshal(value, &item, strictness)
}

// enterArray reads the bracket that the body begins with.
func enterArray(d *jsontext.Decoder) error {
	kind := d.PeekKind()
	if kind != jsontext.KindBeginArray && kind != jsontext.KindInvalid {
		given := ""
		if kind == jsontext.KindNull {
			given = ", not null"
		}
		return invalidBody("must be %s%s", kindName(reflect.TypeFor[[]api.NewStats]()), given)
	}
	switch _, err := d.ReadToken(); {
	case errors.Is(err, io.EOF):
		return invalidBody("a JSON body is needed")
	case err != nil:
		return decodeError("", nil, err)
	}
	return nil
}

// endOfBody refuses what follows the array.
func endOfBody(d *jsontext.Decoder) error {
	end := d.InputOffset()
	switch _, err := d.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return decodeError("", nil, err)
	}
	return &stats.InvalidError{
		Message: fmt.Sprintf("The body is not valid JSON: something follows its array after byte %d.", end),
		Fields:  map[string]string{bodyField: "is not valid JSON"},
	}
}
