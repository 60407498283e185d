// SPDX-License-Identifier: AGPL-3.0-or-later

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

// fileEntry is a line of the settings file. problem is set instead of value if the
// value is not a scalar.
type fileEntry struct {
	name, value, problem string
}

const acceptedValues = "accepted is text, a number, true or false; settings are not nested"

// file reads a settings file. It reports what it cannot read and skips it.
func (l *loader) file(path string) source {
	from := source{label: path, values: map[string]string{}}
	parse, ok := parserOf(path)
	if !ok {
		l.report("%s in the environment is %q; accepted is the path of a file that ends in .toml, .yaml or .yml", fileVariable, path)
		return from
	}
	content, err := l.readFile(path)
	if err != nil && path == DefaultFile {
		l.report("%s cannot be read: %v; run this as a user who may, or name another file in %s", path, reason(err), fileVariable)
		return from
	}
	if err != nil {
		l.report("%s in the environment names %q, which cannot be read: %v", fileVariable, path, reason(err))
		return from
	}
	entries, err := parse(content)
	if err != nil {
		l.report("%s cannot be read: %v", path, err)
		return from
	}
	for _, e := range entries {
		l.addEntry(from, e)
	}
	return from
}

func parserOf(path string) (func([]byte) ([]fileEntry, error), bool) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".toml":
		return parseTOML, true
	case ".yaml", ".yml":
		return parseYAML, true
	}
	return nil, false
}

func (l *loader) addEntry(to source, e fileEntry) {
	name := strings.ToUpper(e.name)
	_, repeated := to.values[name]
	switch {
	case !isSetting(name):
		l.report("%q in %s is not a setting%s", e.name, to.label, suggestion(name))
	case e.problem != "":
		l.report("%s in %s is %s; %s", name, to.label, e.problem, acceptedValues)
	case repeated:
		l.report("%s is in %s more than once; keep one", name, to.label)
	default:
		to.values[name] = e.value
	}
}

func suggestion(name string) string {
	if near := closest(name); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; remove it or correct its name"
}

// parseTOML drops the parser's own message: it may quote a secret.
func parseTOML(content []byte) ([]fileEntry, error) {
	var values map[string]any
	meta, err := toml.Decode(string(content), &values)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return nil, fmt.Errorf(`it is not valid TOML at line %d; accepted are lines such as PORT = 5000 or HOST = "::1", each name once`, syntax.Position.Line)
	}
	if err != nil {
		return nil, errors.New("it is not valid TOML")
	}
	var entries []fileEntry
	for _, key := range meta.Keys() {
		if len(key) > 1 {
			continue // in a table, which is reported itself
		}
		entries = append(entries, tomlEntry(key[0], values[key[0]]))
	}
	return entries, nil
}

func tomlEntry(name string, value any) fileEntry {
	switch v := value.(type) {
	case string:
		return fileEntry{name: name, value: v}
	case bool:
		return fileEntry{name: name, value: strconv.FormatBool(v)}
	case int64:
		return fileEntry{name: name, value: strconv.FormatInt(v, 10)}
	case float64:
		return fileEntry{name: name, value: strconv.FormatFloat(v, 'f', -1, 64)}
	case []any:
		return fileEntry{name: name, problem: "a list"}
	case map[string]any:
		return fileEntry{name: name, problem: "a table"}
	}
	return fileEntry{name: name, problem: "not a plain value"}
}

// parseYAML keeps values as they are written, so that a token of digits keeps its
// leading zeros. Like parseTOML it drops the parser's message.
func parseYAML(content []byte) ([]fileEntry, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, yamlError(err)
	}
	root := document.Content[0]
	if root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("it is not a list of settings; accepted are lines such as PORT: 5000")
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one YAML document; keep one")
	}
	var entries []fileEntry
	for i := 0; i+1 < len(root.Content); i += 2 {
		entries = append(entries, yamlEntry(root.Content[i].Value, root.Content[i+1]))
	}
	return entries, nil
}

func yamlError(err error) error {
	var line int
	if _, scanErr := fmt.Sscanf(err.Error(), "yaml: line %d:", &line); scanErr != nil {
		return errors.New("it is not valid YAML; accepted are lines such as PORT: 5000")
	}
	return fmt.Errorf("it is not valid YAML near line %d; accepted are lines such as PORT: 5000", line)
}

func yamlEntry(name string, node *yaml.Node) fileEntry {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case node.Kind == yaml.SequenceNode:
		return fileEntry{name: name, problem: "a list"}
	case node.Kind == yaml.MappingNode:
		return fileEntry{name: name, problem: "a table"}
	case node.Tag == "!!null":
		return fileEntry{name: name}
	}
	return fileEntry{name: name, value: node.Value}
}
