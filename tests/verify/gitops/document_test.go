package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	begin = "<!-- made by the tests: make generate -->\n"
	end   = "<!-- end -->"
)

// Demands that a file has this text. With WRITE_DOCS set, it writes the text instead.
func writeOrCompare(t *testing.T, path, text string) {
	t.Helper()
	if os.Getenv("WRITE_DOCS") != "" {
		require.NoError(t, os.WriteFile(filepath.Join(root, path), []byte(text), 0o644))
	}
	assert.Equal(t, text, read(t, path), "%s is out of date: run make generate", path)
}

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// What the other tests expect of each phase.
func tables() string {
	text := "\n### Flux\n\n" +
		row("the watch", "plain", "completed.yaml", "succeeded.yaml", "cutover.yaml") + "|---|---|---|---|---|\n"
	for _, phase := range phases {
		text += row(phase.words, phase.flux.plain, phase.flux.completed, phase.flux.succeeded, phase.flux.cutover)
	}
	text += "\n### Argo CD\n\n" +
		row("the watch", "Ready", "Completed", "Succeeded (default)", "CutoverReady") + "|---|---|---|---|---|\n"
	for _, phase := range phases {
		text += row(phase.words, phase.argo.ready, phase.argo.completed, phase.argo.succeeded, phase.argo.cutoverReady)
	}
	return text + "\n"
}

func TestDocument(t *testing.T) {
	path := filepath.Join("docs", "gitops.md")
	head, rest, ok := strings.Cut(read(t, path), begin)
	require.True(t, ok, "a beginning")
	_, tail, ok := strings.Cut(rest, end)
	require.True(t, ok, "an end")
	writeOrCompare(t, path, head+begin+tables()+end+tail)
}
