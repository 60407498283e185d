package stats

import "unicode/utf8"

// scanner reads JSON of the kind that front offices send, several times as fast
// as a general reader does. Its methods return false for whatever is wrong or
// merely unusual, of which somebody else has to find out what it is.
//
// The text must be valid UTF-8.
type scanner struct {
	data []byte
	at   int // the next byte
}

// newScanner reports false when data is not valid UTF-8.
func newScanner(data []byte) (scanner, bool) {
	return scanner{data: data}, utf8.Valid(data)
}

// peek returns the next byte, 0 at the end. A NUL in the text is not JSON, so
// that nobody has to tell them apart.
func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

// space skips white space.
func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return
		}
	}
}

// take reads one byte if it is the next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// plain has the bytes that stand for themselves in a string.
var plain = func() (table [256]bool) {
	for c := ' '; c < 256; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// text reads a string with its quotes. Surrogates are not accepted in escapes.
func (s *scanner) text() (raw []byte, escaped, ok bool) {
	start := s.at
	if !s.take('"') {
		return nil, false, false
	}
	for s.at < len(s.data) {
		c := s.data[s.at]
		switch {
		case plain[c]:
			s.at++
		case c == '"':
			s.at++
			return s.data[start:s.at], escaped, true
		case c == '\\':
			escaped = true
			_, n := unescape(s.data[s.at:])
			if n == 0 {
				return nil, false, false
			}
			s.at += n
		default:
			return nil, false, false
		}
	}
	return nil, false, false
}

// unescape returns what the escape at the beginning of text stands for and how
// long it is: 0 when it is malformed or a surrogate.
func unescape(text []byte) (r rune, n int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch c := text[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return unescapeHex(text)
	}
	return 0, 0
}

// appendText appends what a string stands for; ok is false when it has surrogates.
func appendText(to, raw []byte) (text []byte, ok bool) {
	for i := 1; i < len(raw)-1; {
		if raw[i] != '\\' {
			to = append(to, raw[i])
			i++
			continue
		}
		r, n := unescape(raw[i:])
		if n == 0 {
			return to, false
		}
		to = utf8.AppendRune(to, r)
		i += n
	}
	return to, true
}

func unescapeHex(text []byte) (r rune, n int) {
	const length = len(`\u0000`)
	if len(text) < length {
		return 0, 0
	}
	for _, c := range text[2:length] {
		digit, ok := hexDigit(c)
		if !ok {
			return 0, 0
		}
		r = r<<4 | digit
	}
	if !utf8.ValidRune(r) {
		return 0, 0
	}
	return r, length
}

func hexDigit(c byte) (value rune, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0'), true
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10, true
	}
	return 0, false
}

// number reads a number.
func (s *scanner) number() (text []byte, ok bool) {
	end := endOfNumber(s.data, s.at)
	text = s.data[s.at:end]
	s.at = end
	_, ok = splitNumber(text)
	return text, ok
}

// literal reads null, true or false.
func (s *scanner) literal() (text []byte, ok bool) {
	for _, word := range [...]string{"null", "true", "false"} {
		end := s.at + len(word)
		if end <= len(s.data) && string(s.data[s.at:end]) == word {
			text = s.data[s.at:end]
			s.at = end
			return text, true
		}
	}
	return nil, false
}
