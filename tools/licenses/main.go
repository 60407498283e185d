// SPDX-License-Identifier: AGPL-3.0-or-later

// Command licenses collects the licences of everything that is linked into the
// service, on any system it is released for, into internal/licenses/licenses.txt.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// systems are the operating systems of the releases; others link the same modules.
var systems = []string{"linux", "darwin"}

const (
	program = "./cmd/stats-service"
	output  = "internal/licenses/licenses.txt"
)

// licenseFile matches the names under which licences and notices are kept.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// component is a module, or code copied from elsewhere, with the texts of its licences.
type component struct {
	name  string
	files []string
}

func main() {
	text, err := collect("..")
	if err == nil {
		err = os.WriteFile(filepath.Join("..", output), text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

// collect returns the licences of everything that the program in root links.
func collect(root string) ([]byte, error) {
	components, err := linked(root)
	if err != nil {
		return nil, err
	}
	others, err := copied(filepath.Join(root, "internal/dashboard/vendored/dist"))
	if err != nil {
		return nil, err
	}
	return render(append(components, others...))
}

// linked returns the Go standard library and the linked modules.
func linked(root string) ([]component, error) {
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	found := map[string]*component{"Go standard library": {
		name: "Go standard library", files: []string{filepath.Join(strings.TrimSpace(string(goRoot)), "LICENSE")},
	}}
	for _, system := range systems {
		if err := addModules(found, root, system); err != nil {
			return nil, err
		}
	}
	var components []component
	for _, c := range found {
		if len(c.files) == 0 {
			return nil, fmt.Errorf("%s has no licence: remove it, or add the text here", c.name)
		}
		components = append(components, *c)
	}
	slices.SortFunc(components, func(a, b component) int { return strings.Compare(a.name, b.name) })
	return components, nil
}

// listed is the output of go list about a package.
type listed struct {
	Dir    string
	Module *struct {
		Path, Version, Dir string
		Main               bool
	}
}

func addModules(found map[string]*component, root, system string) error {
	command := exec.Command("go", "list", "-deps", "-json=Dir,Module", program)
	command.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	command.Dir, command.Stderr = root, os.Stderr
	listing, err := command.Output()
	if err != nil {
		return fmt.Errorf("list the linked packages on %s: %w", system, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(listing))
	for {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if p.Module == nil || p.Module.Main {
			continue
		}
		name := p.Module.Path + " " + p.Module.Version
		if found[name] == nil {
			found[name] = &component{name: name}
		}
		if err := found[name].addAbove(p.Dir, p.Module.Dir); err != nil {
			return err
		}
	}
}

// addAbove adds the licences in a package's folder and in the folders above it, up to the
// module's: code copied from elsewhere has a licence of its own.
func (c *component) addAbove(folder, module string) error {
	for ; strings.HasPrefix(folder, module); folder = filepath.Dir(folder) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			file := filepath.Join(folder, entry.Name())
			if entry.Type().IsRegular() && licenseFile.MatchString(entry.Name()) && !slices.Contains(c.files, file) {
				c.files = append(c.files, file)
			}
		}
	}
	slices.Sort(c.files)
	return nil
}

// copied returns the embedded components that are not Go modules.
func copied(vendored string) ([]component, error) {
	var components []component
	err := filepath.WalkDir(vendored, func(file string, entry fs.DirEntry, err error) error {
		if name, isLicense := strings.CutPrefix(entry.Name(), "LICENSE-"); err == nil && isLicense {
			components = append(components, component{name: name + " (npm)", files: []string{file}})
		}
		return err
	})
	if err == nil && len(components) == 0 {
		err = fmt.Errorf("%s has no LICENSE- files", vendored)
	}
	return components, err
}

const head = `The MONARC Stats Service is free software under the GNU Affero General Public License,
version 3 or later: https://www.gnu.org/licenses/agpl-3.0.html

The program contains the following, each under its own licence. The Swagger UI that
github.com/swaggest/swgui embeds is Copyright SmartBear Software, under the Apache License,
version 2.0, whose text is below.
`

// render writes each text once, below the names of its components.
func render(components []component) ([]byte, error) {
	var order []string
	owners := map[string][]string{}
	for _, c := range components {
		for _, file := range c.files {
			content, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			text := tidy(string(content))
			if owners[text] == nil {
				order = append(order, text)
			}
			if !slices.Contains(owners[text], c.name) {
				owners[text] = append(owners[text], c.name)
			}
		}
	}
	var out bytes.Buffer
	out.WriteString(head)
	for _, text := range order {
		fmt.Fprintf(&out, "\n%s\n", strings.Repeat("=", 78))
		for _, owner := range owners[text] {
			fmt.Fprintf(&out, "* %s\n", owner)
		}
		fmt.Fprintf(&out, "%s\n\n%s\n", strings.Repeat("-", 78), text)
	}
	return out.Bytes(), nil
}

// tidy removes white space at the ends of lines, so that texts differ only in words.
func tidy(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\f")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}
