// SPDX-License-Identifier: AGPL-3.0-or-later

// Package answer writes answers: it encodes values as JSON, applies the caller's
// field mask, negotiates content codings and conditional requests, and streams
// lists that are too large to hold.
package answer

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/monarc-project/stats-service/internal/fieldmask"
)

// contentType is the Content-Type of every JSON answer.
const contentType = "application/json"

// stallLimit is how long sending a whole answer may take before its connection is
// closed. Lists also hold a database connection and are limited by pace instead.
const stallLimit = 60 * time.Second

// ErrDisconnected reports that the caller has disconnected or stopped reading.
var ErrDisconnected = errors.New("the caller has disconnected")

// JSON is an answer with a JSON body.
type JSON struct {
	Status int
	Value  any
	Mask   *fieldmask.Mask // nil: everything
	Negotiation
}

// Write encodes the value, applies the mask and sends both with the status. Nothing is
// sent if the value cannot be encoded. All other errors are ErrDisconnected.
func (a JSON) Write(w http.ResponseWriter) error {
	body, err := Encode(a.Value, a.Mask)
	if err != nil {
		return err
	}
	return sendWhole(w, a.Status, body, a.coding)
}

// sendWhole sends an answer that is not cached, compressed where it is worthwhile.
func sendWhole(w http.ResponseWriter, status int, body []byte, c coding) error {
	header := w.Header()
	header.Add("Vary", "Accept-Encoding")
	if c.compresses() && len(body) >= compressFrom {
		if compressed := compress(c, body); compressed != nil {
			header.Set("Content-Encoding", string(c))
			body = compressed
		}
	}
	return Send(w, status, body)
}

// Send sends a whole JSON answer within stallLimit; its error is ErrDisconnected. It
// flushes before it clears the deadline, because the connection serves other requests
// afterwards.
func Send(w http.ResponseWriter, status int, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	return send(w, status, body)
}

// send is Send for answers of any type.
func send(w http.ResponseWriter, status int, body []byte) error {
	control := http.NewResponseController(w)
	if err := limit(control, time.Now().Add(stallLimit)); err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	if err == nil {
		err = flush(control)
	}
	if err != nil {
		return fmt.Errorf("send answer: %w: %w", ErrDisconnected, err)
	}
	return limit(control, time.Time{})
}

func flush(control *http.ResponseController) error {
	if err := control.Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// limit sets the write deadline of the connection; the zero time clears it.
func limit(control *http.ResponseController, deadline time.Time) error {
	err := control.SetWriteDeadline(deadline)
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("limit the time to send: %w", err)
	}
	return nil
}

// encoding allows duplicate names to save the check: the service only encodes its own
// structs and maps, whose names are unique.
var encoding = json.JoinOptions(json.Deterministic(true), jsontext.AllowDuplicateNames(true))

// Encode returns the JSON of value, filtered by mask.
func Encode(value any, mask *fieldmask.Mask) ([]byte, error) {
	body, err := json.Marshal(value, encoding)
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
