// Package answer writes JSON answers: it encodes values, applies the caller's
// field mask and streams lists that are too large to hold.
package answer

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/monarc-project/stats-service/internal/fieldmask"
)

// contentType is that of every JSON answer.
const contentType = "application/json"

// ErrHungUp tells that the caller has gone, or does not read what it is sent.
var ErrHungUp = errors.New("the caller has hung up")

// JSON is a success answer with a JSON body.
type JSON struct {
	Status int
	Value  any
	Mask   *fieldmask.Mask // nil: everything
}

// Write encodes the value, applies the mask and sends both with the status.
// Nothing is sent when the value cannot be encoded. Other errors are ErrHungUp.
func (a JSON) Write(w http.ResponseWriter) error {
	body, err := Encode(a.Value, a.Mask)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.Status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("send answer: %w: %w", ErrHungUp, err)
	}
	return nil
}

// Encode returns the JSON of value as far as mask lets through.
func Encode(value any, mask *fieldmask.Mask) ([]byte, error) {
	body, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	if mask == nil {
		return body, nil
	}
	masked, err := mask.Apply(nil, body)
	if err != nil {
		return nil, fmt.Errorf("mask answer: %w", err)
	}
	return masked, nil
}
