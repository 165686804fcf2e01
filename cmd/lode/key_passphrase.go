package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/term"

	"github.com/lodepow/lode/cmd/internal/cli"
	"github.com/lodepow/lode/internal/keyfile"
)

// passphraseFlag is the flag of all commands that read or write an encrypted key. There is
// no flag for the passphrase itself, because everybody on the machine can read the
// arguments of a process.
type passphraseFlag struct {
	PassphraseFile string `env:"LODE_PASSPHRASE_FILE" placeholder:"FILE" help:"File whose first line is the passphrase of the key; - is standard input. Without it, the terminal is asked."`
}

// readKey reads a key from a file. If it is encrypted, the passphrase comes from the file
// of the flag or from the terminal.
func (c *passphraseFlag) readKey(s cli.Std, file string) (ed25519.PrivateKey, error) {
	data, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	key, err := keyfile.Parse(data, func() ([]byte, error) { return c.ask(s, file) })
	if err != nil {
		return nil, keyError(file, err)
	}
	return key, nil
}

// readKeyFile reads a file that should have a key in it.
func readKeyFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, keyfile.MaxFile+1))
	return data, errors.Join(err, f.Close())
}

// keyError returns the error of a key file with its name and what to do.
func keyError(file string, err error) error {
	if errors.Is(err, keyfile.ErrNoKey) {
		return fmt.Errorf("%s holds no private key in PEM: make one with lode key new", file)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// ask returns the passphrase of an encrypted file.
func (c *passphraseFlag) ask(s cli.Std, file string) ([]byte, error) {
	if c.PassphraseFile != "" {
		return c.fromFile(s)
	}
	return prompt(s, fmt.Sprintf("passphrase of %s: ", file))
}

// choose returns the passphrase for a new file. On a terminal it is asked for twice,
// because a mistake in it would make the key unreadable.
func (c *passphraseFlag) choose(s cli.Std) ([]byte, error) {
	if c.PassphraseFile != "" {
		return c.fromFile(s)
	}
	first, err := prompt(s, "new passphrase: ")
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return nil, errors.New("the passphrase is empty: no key was written")
	}
	second, err := prompt(s, "the same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ: no key was written")
	}
	return first, nil
}

// fromFile returns the first line of the passphrase file, without its end.
func (c *passphraseFlag) fromFile(s cli.Std) ([]byte, error) {
	in := s.In
	if c.PassphraseFile != "-" {
		f, err := os.Open(c.PassphraseFile)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // opened for reading only
		in = f
	}
	line, err := bufio.NewReader(io.LimitReader(in, keyfile.MaxPassphrase+3)).ReadBytes('\n') // room for \r\n, and for one byte too many
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("--passphrase-file %s: %w", c.PassphraseFile, err)
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) == 0 {
		return nil, fmt.Errorf("--passphrase-file %s: the first line is empty", c.PassphraseFile)
	}
	if len(line) > keyfile.MaxPassphrase {
		return nil, fmt.Errorf("--passphrase-file %s: the first line is longer than %d bytes", c.PassphraseFile, keyfile.MaxPassphrase)
	}
	return line, nil
}

// prompt asks for a passphrase on the terminal, without showing what is typed.
func prompt(s cli.Std, question string) ([]byte, error) {
	in, ok := s.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, errors.New("a passphrase is needed, and standard input is no terminal to ask for it: use --passphrase-file")
	}
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	// Ctrl-C would end the process and leave the terminal without an echo.
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)

	_, _ = fmt.Fprint(s.Err, question)
	type answer struct {
		line []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		answered <- answer{line, err}
	}()
	select {
	case a := <-answered:
		fmt.Fprintln(s.Err) // the Enter of the user was not shown either
		if errors.Is(a.err, io.EOF) {
			return nil, errors.New("no passphrase was typed")
		}
		return a.line, a.err
	case <-interrupted:
		fmt.Fprintln(s.Err)
		return nil, errors.Join(errors.New("interrupted"), term.Restore(fd, before))
	}
}
