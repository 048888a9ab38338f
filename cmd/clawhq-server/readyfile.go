package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// readyFile is the file of -ready-file.
type readyFile struct {
	name  string
	token string // the control token, by which the program recognizes its own file
}

// checkReadyFile returns an error if the name is that of something that this program
// has not written.
func checkReadyFile(name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("-ready-file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("-ready-file %s: it is not a regular file", name)
	}
	if a, err := readReadyFile(name); err != nil || a.ControlURL == "" {
		return fmt.Errorf("-ready-file %s: the file is there, and was not written by clawhq-server; remove it or choose another name", name)
	}
	return nil
}

// maxReadyFile is more than the file can have with the largest -config.
const maxReadyFile = 2 << 20

func readReadyFile(name string) (a about, err error) {
	file, err := os.Open(name)
	if err != nil {
		return a, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxReadyFile))
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(text, &a)
}

// writeReadyFile writes the file. Only its owner may read it, and it appears with its
// whole content.
func writeReadyFile(name string, a *about) (*readyFile, error) {
	if err := checkReadyFile(name); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".clawhq-server-*") // with mode 0600
	if err != nil {
		return nil, fmt.Errorf("-ready-file: %w", err)
	}
	_, err = file.Write(a.json())
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		os.Remove(file.Name())
		return nil, fmt.Errorf("-ready-file: %w", err)
	}
	return &readyFile{name, a.ControlToken}, nil
}

// remove removes the file, unless another process has replaced it.
func (f *readyFile) remove() {
	if a, err := readReadyFile(f.name); err == nil && a.ControlToken == f.token {
		os.Remove(f.name)
	}
}
