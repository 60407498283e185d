package config

import (
	"strings"

	"github.com/monarc-project/stats-service/internal/listen"
)

// addresses are where to listen, with commas between them.
var addresses = kind[[]listen.Address]{
	accepts: "addresses with commas between them, such as 127.0.0.1:5000, [::1]:5000 or unix:/run/stats-service/http.sock",
	parse: func(text string) ([]listen.Address, bool) {
		var parsed []listen.Address
		for part := range strings.SplitSeq(text, ",") {
			address, ok := listen.ParseAddress(strings.TrimSpace(part))
			if !ok {
				return nil, false
			}
			parsed = append(parsed, address)
		}
		return parsed, true
	},
	format: func(addresses []listen.Address) string {
		texts := make([]string, len(addresses))
		for i, address := range addresses {
			texts[i] = address.String()
		}
		return strings.Join(texts, ",")
	},
}
