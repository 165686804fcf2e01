package keyfile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"slices"
)

const (
	keySize  = 32 // bytes of a key of AES-256
	saltSize = 16 // bytes of salt in files that Encrypt writes
	minSalt  = 8  // bytes (RFC 8018, 4.1)
	maxSalt  = 1 << 10
)

// sealedInfo is the ASN.1 form EncryptedPrivateKeyInfo (RFC 5958, section 3).
type sealedInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// pbes2Params is the ASN.1 form PBES2-params (RFC 8018, A.4).
type pbes2Params struct {
	KDF    pkix.AlgorithmIdentifier
	Cipher pkix.AlgorithmIdentifier
}

// pbkdf2Params is the ASN.1 form PBKDF2-params (RFC 8018, A.2). The salt could also be an
// algorithm identifier, which nobody uses. Without a PRF, HMAC-SHA-1 is meant.
type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// The object identifiers (RFC 8018, appendix C).
func oidPBES2() asn1.ObjectIdentifier      { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13} }
func oidPBKDF2() asn1.ObjectIdentifier     { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12} }
func oidHMACSHA256() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9} }
func oidAES256CBC() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
}

// sealed is an encrypted key whose parameters have been checked.
type sealed struct {
	salt       []byte
	iterations int
	iv         [aes.BlockSize]byte
	data       []byte // whole blocks, at least one
}

// parseSealed reads an EncryptedPrivateKeyInfo in DER.
func parseSealed(der []byte, maxIterations int) (sealed, error) {
	var info sealedInfo
	if err := unmarshal(der, &info, "the encrypted key"); err != nil {
		return sealed{}, err
	}
	if alg := info.Algorithm.Algorithm; !alg.Equal(oidPBES2()) {
		return sealed{}, unknown("the scheme %s", alg)
	}
	var scheme pbes2Params
	if err := unmarshal(info.Algorithm.Parameters.FullBytes, &scheme, "the parameters of PBES2"); err != nil {
		return sealed{}, err
	}
	if alg := scheme.KDF.Algorithm; !alg.Equal(oidPBKDF2()) {
		return sealed{}, unknown("the key derivation %s", alg)
	}
	if alg := scheme.Cipher.Algorithm; !alg.Equal(oidAES256CBC()) {
		return sealed{}, unknown("the cipher %s", alg)
	}
	var kdf pbkdf2Params
	if err := unmarshal(scheme.KDF.Parameters.FullBytes, &kdf, "the parameters of PBKDF2"); err != nil {
		return sealed{}, err
	}
	if alg := kdf.PRF.Algorithm; !alg.Equal(oidHMACSHA256()) {
		if len(alg) == 0 {
			return sealed{}, unknown("HMAC-SHA-1 in PBKDF2")
		}
		return sealed{}, unknown("the hash %s in PBKDF2", alg)
	}
	var iv []byte
	if err := unmarshal(scheme.Cipher.Parameters.FullBytes, &iv, "the initialization vector"); err != nil {
		return sealed{}, err
	}
	switch {
	case kdf.Iterations < 1 || kdf.Iterations > maxIterations:
		return sealed{}, fmt.Errorf("%d iterations of PBKDF2, at least 1 and at most %d are accepted", kdf.Iterations, maxIterations)
	case len(kdf.Salt) < minSalt || len(kdf.Salt) > maxSalt:
		return sealed{}, fmt.Errorf("a salt of %d bytes, want %d to %d", len(kdf.Salt), minSalt, maxSalt)
	case kdf.KeyLength != 0 && kdf.KeyLength != keySize:
		return sealed{}, fmt.Errorf("a key of %d bytes for AES-256, want %d", kdf.KeyLength, keySize)
	case len(iv) != aes.BlockSize:
		return sealed{}, fmt.Errorf("an initialization vector of %d bytes, want %d", len(iv), aes.BlockSize)
	case len(info.Data) == 0 || len(info.Data)%aes.BlockSize != 0:
		return sealed{}, fmt.Errorf("%d bytes of encrypted data, want whole blocks of %d", len(info.Data), aes.BlockSize)
	}
	return sealed{kdf.Salt, kdf.Iterations, [aes.BlockSize]byte(iv), info.Data}, nil
}

// unknown returns the error for an algorithm that is not supported, with the way out.
func unknown(format string, args ...any) error {
	return fmt.Errorf(format+" is not supported: convert the file with "+
		"openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256", args...)
}

// unmarshal reads a value in DER after which nothing may follow.
func unmarshal(der []byte, value any, what string) error {
	rest, err := asn1.Unmarshal(der, value)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow", len(rest))
	}
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", what, err)
	}
	return nil
}

// open decrypts the key and returns it in PKCS #8.
func (s sealed) open(passphrase []byte) ([]byte, error) {
	block, err := derive(passphrase, s.salt, s.iterations)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(s.data))
	cipher.NewCBCDecrypter(block, s.iv[:]).CryptBlocks(plain, s.data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, ErrPassphrase
	}
	return plain[:len(plain)-pad], nil
}

// seal encrypts a key in PKCS #8 and returns an EncryptedPrivateKeyInfo in DER.
func seal(plain, passphrase []byte, iterations int, random io.Reader) ([]byte, error) {
	var fresh [saltSize + aes.BlockSize]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return nil, err
	}
	salt, iv := fresh[:saltSize], fresh[saltSize:]
	block, err := derive(passphrase, salt, iterations)
	if err != nil {
		return nil, err
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	data := slices.Concat(plain, bytes.Repeat([]byte{byte(pad)}, pad))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)

	kdf, err := asn1.Marshal(pbkdf2Params{Salt: salt, Iterations: iterations, PRF: pkix.AlgorithmIdentifier{
		Algorithm: oidHMACSHA256(), Parameters: asn1.NullRawValue,
	}})
	if err != nil {
		return nil, err
	}
	vector, err := asn1.Marshal(iv)
	if err != nil {
		return nil, err
	}
	params, err := asn1.Marshal(pbes2Params{
		KDF:    pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2(), Parameters: asn1.RawValue{FullBytes: kdf}},
		Cipher: pkix.AlgorithmIdentifier{Algorithm: oidAES256CBC(), Parameters: asn1.RawValue{FullBytes: vector}},
	})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(sealedInfo{
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidPBES2(), Parameters: asn1.RawValue{FullBytes: params}},
		Data:      data,
	})
}

// derive returns the cipher whose key PBKDF2 makes of a passphrase.
func derive(passphrase, salt []byte, iterations int) (cipher.Block, error) {
	key, err := pbkdf2.Key(sha256.New, string(passphrase), salt, iterations, keySize)
	if err != nil {
		return nil, err
	}
	return aes.NewCipher(key)
}

// isPKCS8 reports whether a decrypted text has the beginning of a PrivateKeyInfo: a
// sequence of a version and an algorithm.
func isPKCS8(der []byte) bool {
	var info struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
	}
	_, err := asn1.Unmarshal(der, &info)
	return err == nil
}
