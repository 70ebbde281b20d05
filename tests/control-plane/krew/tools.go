//go:build tools

// Package tools names the programs that the tests build, so that go.mod and go.sum pin them.
package tools

import (
	_ "sigs.k8s.io/krew/cmd/krew"
	_ "sigs.k8s.io/krew/cmd/validate-krew-manifest"
)
