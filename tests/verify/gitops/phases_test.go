// Package gitops holds what the operator really wrote of watches in every phase against the engines of Flux and Argo CD, with the
// expressions and scripts of examples/. gitops.sh beside this folder makes the watches and says where they are.
package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// The statuses of kstatus, and of Argo CD's health, short enough for a table.
const (
	current     = "Current"
	inProgress  = "InProgress"
	failed      = "Failed"
	terminating = "Terminating"

	healthy     = "Healthy"
	progressing = "Progressing"
	degraded    = "Degraded"
	suspended   = "Suspended"
)

// What is expected of one phase.
type phase struct {
	// The watch's file, without its ending.
	name string
	// The phase in words, for the document.
	words string
	flux  flux
	argo  argo
}

// By kstatus alone, and with the expressions of each file of examples/flux.
type flux struct{ plain, completed, succeeded, cutover string }

// With examples/argocd/health.lua, by what the watch is healthy when.
type argo struct{ ready, completed, succeeded, cutoverReady string }

var (
	noFlux  = flux{inProgress, inProgress, inProgress, inProgress}
	allFlux = flux{current, current, current, current}
	badFlux = flux{failed, failed, failed, failed}
	noArgo  = argo{progressing, progressing, progressing, progressing}
	allArgo = argo{healthy, healthy, healthy, healthy}
	badArgo = argo{degraded, degraded, degraded, degraded}

	// The watch works, and its tasks aren't there yet.
	onTheWayFlux = flux{current, inProgress, inProgress, inProgress}
	onTheWayArgo = argo{healthy, progressing, progressing, progressing}
)

var phases = []phase{
	{"new", "just applied", noFlux, noArgo},
	{"first-listing", "its first listing is under way", noFlux, noArgo},
	{"running", "tasks are running", onTheWayFlux, onTheWayArgo},
	{"syncing", "all are syncing", flux{current, inProgress, inProgress, current}, argo{healthy, progressing, progressing, healthy}},
	{"succeeded", "all have succeeded", allFlux, allArgo},
	{"failed-others-running", "one has failed, others are running", flux{current, inProgress, failed, failed}, argo{healthy, progressing, degraded, degraded}},
	{"completed-with-failures", "all have ended, one has failed", flux{current, current, failed, failed}, argo{healthy, healthy, degraded, degraded}},
	{"completed-with-aborts", "all have ended, one was aborted", flux{current, current, failed, failed}, argo{healthy, healthy, degraded, degraded}},
	{"stalled", "one stands still", onTheWayFlux, onTheWayArgo},
	{"no-match", "no task matches", onTheWayFlux, onTheWayArgo},
	{"too-few", "all have succeeded, fewer than `expectedTasks`", onTheWayFlux, onTheWayArgo},
	{"by-state", "`filter.states` is set", onTheWayFlux, allArgo},
	{"invalid-spec", "InvalidSpec", badFlux, badArgo},
	{"endpoint-not-allowed", "EndpointNotAllowed", badFlux, badArgo},
	{"secret-not-found", "SecretNotFound", badFlux, badArgo},
	{"credentials-invalid", "CredentialsInvalid", badFlux, badArgo},
	{"access-denied", "AccessDenied", badFlux, badArgo},
	{"credentials-end-after-success", "all had succeeded, then CredentialsInvalid", badFlux, badArgo},
	{"unreachable-from-the-start", "EndpointUnreachable from the start", noFlux, noArgo},
	{"unreachable", "tasks were running, then EndpointUnreachable", noFlux, noArgo},
	{"unreachable-after-success", "all had succeeded, then EndpointUnreachable", flux{inProgress, current, current, current}, argo{progressing, healthy, healthy, healthy}},
	{"throttled", "Throttled", noFlux, noArgo},
	{"list-incomplete", "ListIncomplete", noFlux, noArgo},
	{"stale", "all had succeeded, and for hours no listing was complete", noFlux, noArgo},
	{"suspended-from-the-start", "suspended from the start", noFlux, argo{suspended, suspended, suspended, suspended}},
	{"suspended", "tasks were running, then suspended", onTheWayFlux, argo{healthy, suspended, suspended, suspended}},
	{"suspended-after-success", "all had succeeded, then suspended", allFlux, allArgo},
	{"changed", "all had succeeded, and the spec has changed since", noFlux, noArgo},
	// A deletion is a change of the object, which the operator hasn't seen.
	{"deleting", "all had succeeded, and it is being deleted", flux{terminating, inProgress, inProgress, inProgress}, noArgo},
}

// The root of the repository, seen from here.
const root = "../../.."

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	require.NoError(t, err)
	return string(text)
}

// The documents of a YAML file in examples/, as JSON.
func documents(t *testing.T, path ...string) [][]byte {
	t.Helper()
	var all [][]byte
	for _, text := range strings.Split(read(t, append([]string{"examples"}, path...)...), "\n---\n") {
		document, err := yaml.YAMLToJSONStrict([]byte(text))
		require.NoError(t, err)
		all = append(all, document)
	}
	return all
}

// The folder with the watches.
func folder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("PHASES_DIR")
	require.NotEmpty(t, folder, "PHASES_DIR names no folder: run tests/verify/gitops.sh")
	return folder
}

// The watch of a phase, as its reader gets it from the API server.
func watch(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder(t), name+".json"))
	require.NoError(t, err)
	var watch unstructured.Unstructured
	require.NoError(t, watch.UnmarshalJSON(text))
	require.Equal(t, "MigrationTaskWatch", watch.GetKind())
	return &watch
}

func TestEveryWatchHasARow(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(folder(t), "*.json"))
	require.NoError(t, err)
	var found, expected []string
	for _, file := range files {
		found = append(found, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	for _, phase := range phases {
		expected = append(expected, phase.name)
	}
	require.ElementsMatch(t, expected, found)
}
