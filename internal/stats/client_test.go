// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScopeFailsClosed(t *testing.T) {
	t.Parallel()
	id := func(id int64) *int64 { return &id }
	for name, tt := range map[string]struct {
		scope Scope
		want  *int64
	}{
		"the zero value reaches a client that does not exist": {Scope{}, id(0)},
		"a user reaches its own stats":                        {Client{ID: 7, Role: RoleUser}.Scope(), id(7)},
		"an unknown role is no admin":                         {Client{ID: 7, Role: 3}.Scope(), id(7)},
		"an admin reaches everything":                         {Client{ID: 7, Role: RoleAdmin}.Scope(), nil},
		"one client":                                          {OfClient(8), id(8)},
		"everything":                                          {Everything(), nil},
	} {
		if diff := cmp.Diff(tt.want, tt.scope.ClientID()); diff != "" {
			t.Errorf("%s: differs (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseRole(t *testing.T) {
	t.Parallel()
	for _, want := range []Role{RoleUser, RoleAdmin} {
		if got, err := ParseRole(want.String()); err != nil || got != want {
			t.Errorf("ParseRole(%q) = %v, %v", want, got, err)
		}
	}
	_, err := ParseRole("Admin")
	checkInvalid(t, err, "role", `unknown role "Admin": use user or admin`)
}

func TestInvalidErrorListsItsFields(t *testing.T) {
	t.Parallel()
	err := &InvalidError{Message: "no", Fields: map[string]string{"b": "2", "a": "1"}}
	if got, want := err.Error(), "no: a: 1; b: 2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (&InvalidError{Message: "no"}).Error(), "no"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
