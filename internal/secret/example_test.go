// SPDX-License-Identifier: AGPL-3.0-or-later

package secret_test

import (
	"errors"
	"fmt"

	"github.com/monarc-project/stats-service/internal/secret"
)

// A token opens only with the secret key and for the client that it was sealed for.
func Example() {
	client, other := []byte("client 1"), []byte("client 2")
	sealed := secret.New("the secret key of the service").Seal("an API key", client)

	token, err := secret.New("the secret key of the service").Open(sealed, client)
	fmt.Println(token, err)
	_, err = secret.New("the secret key of the service").Open(sealed, other)
	fmt.Println(errors.Is(err, secret.ErrCannotOpen))
	_, err = secret.New("another secret key").Open(sealed, client)
	fmt.Println(errors.Is(err, secret.ErrCannotOpen))
	// Output:
	// an API key <nil>
	// true
	// true
}
