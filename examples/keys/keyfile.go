package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// A KeyFile is the name of a file with an API key, which its owner alone can read.
// Instead of a file, it could be an entry of a vault.
type KeyFile string

// Key reads the key. It is meant for clawhq.WithAPIKeyFunc.
func (f KeyFile) Key(context.Context) (string, error) {
	text, err := os.ReadFile(string(f))
	return strings.TrimSpace(string(text)), err
}

// Publish replaces the key. A program that reads the file meanwhile gets either
// the old key or the new one.
func (f KeyFile) Publish(key string) error {
	next, err := os.CreateTemp(filepath.Dir(string(f)), ".key-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = next.WriteString(key + "\n")
	err = errors.Join(err, next.Sync(), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), string(f))
	}
	if err != nil {
		os.Remove(next.Name())
	}
	return err
}
