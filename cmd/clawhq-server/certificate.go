package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"time"
)

// selfSigned makes a certificate for localhost, the loopback addresses and hosts. Its
// private key never leaves the process.
func selfSigned(hosts ...string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	now := time.Now()
	template := x509.Certificate{
		Subject:               pkix.Name{CommonName: "clawhq-server"},
		NotBefore:             now.Add(-time.Hour), // for clients whose clocks are behind
		NotAfter:              now.AddDate(1, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if host != "" && host != "localhost" {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// certificate makes the program's certificate, and writes it to the file of -cert-out.
// It is nil for plain HTTP.
func (o options) certificate() (*tls.Certificate, error) {
	if o.plain {
		return nil, nil
	}
	certificate, err := selfSigned(append(o.hosts, o.host)...)
	if err != nil {
		return nil, err
	}
	if o.certificateFile != "" {
		if err := os.WriteFile(o.certificateFile, asPEM(&certificate), 0o644); err != nil {
			return nil, fmt.Errorf("-cert-out: %w", err)
		}
	}
	return &certificate, nil
}

// asPEM returns a certificate without its key; nil for none.
func asPEM(certificate *tls.Certificate) []byte {
	if certificate == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
}
