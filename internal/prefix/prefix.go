// SPDX-License-Identifier: AGPL-3.0-or-later

// Package prefix stores the path prefix of a request, below which the caller sees the
// service, in the context, for all code that generates links.
package prefix

import "context"

type key struct{}

// With returns a context that carries the prefix, such as "/dashboard" or "".
func With(ctx context.Context, prefix string) context.Context {
	return context.WithValue(ctx, key{}, prefix)
}

// Of returns the prefix of the request, or "". Every generated link starts with it.
func Of(ctx context.Context) string {
	prefix, _ := ctx.Value(key{}).(string)
	return prefix
}
