// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"bytes"
	"io"
	"os"
)

const (
	maxLog  = 8 << 20 // a longer log is rotated at the next start
	tailLen = 2 << 10
)

// openLog opens the server's log for appending and returns the offset at which the
// messages of this start begin. It rotates a long log and keeps only one old log.
func openLog(path string, acct account) (*os.File, int64, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, err
		}
	}
	file, err := openOwn(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, acct)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// logTail returns the end of the messages since offset, for an error message.
func logTail(path string, offset int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil {
		offset = max(offset, info.Size()-tailLen)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, offset, tailLen))
	if err != nil {
		return ""
	}
	return tail(text)
}

// tail returns the last whole lines of text.
func tail(text []byte) string {
	if len(text) > tailLen {
		text = text[len(text)-tailLen:]
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return string(bytes.TrimSpace(text))
}
