// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import (
	"regexp"
	"runtime"
	"strings"
)

// position returns "" and 0 for a record without a source position.
func position(pc uintptr) (function string, line int) {
	if pc == 0 {
		return "", 0
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return functionName(frame.Function), frame.Line
}

// synthetic matches the parts that the compiler appends to a function's name for the
// closures in it.
var synthetic = regexp.MustCompile(`^(func|gowrap|deferwrap)?\d*$`)

// functionName returns the last element of a Go function's full name, and for a closure
// the name of the enclosing function: "post" for
// "example.org/api.(*Server).post.func1".
func functionName(full string) string {
	_, name, _ := strings.Cut(full[strings.LastIndexByte(full, '/')+1:], ".")
	name = strings.ReplaceAll(name, "[...]", "")
	parts := strings.Split(name, ".")
	for i := len(parts) - 1; i > 0; i-- {
		if part, _, _ := strings.Cut(parts[i], "-"); !synthetic.MatchString(part) {
			return part
		}
	}
	part, _, _ := strings.Cut(parts[0], "-")
	return part
}
