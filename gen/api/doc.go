// Package api holds the models of API v1 of the MONARC Stats service, generated
// from openapi/openapi.yaml. It can be imported on its own: it needs neither a
// web framework nor a database driver.
//
// The files that do not end in .gen.go are written by hand: they hold what the
// generator cannot know, the types for values that callers write in several
// ways (Integer, Boolean, UUIDs).
package api
