package gitops

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func kustomizations(t *testing.T, file string) []kustomizev1.Kustomization {
	t.Helper()
	var all []kustomizev1.Kustomization
	for _, document := range documents(t, "flux", file) {
		var one kustomizev1.Kustomization
		require.NoError(t, yaml.UnmarshalStrict(document, &one))
		all = append(all, one)
	}
	require.Len(t, all, 2, "two waves")
	return all
}

func TestPlainStatus(t *testing.T) {
	for _, phase := range phases {
		t.Run(phase.name, func(t *testing.T) {
			result, err := status.Compute(watch(t, phase.name))
			require.NoError(t, err)
			assert.Equal(t, phase.flux.plain, result.Status.String(), result.Message)
		})
	}
}

func TestHealthCheckExpressions(t *testing.T) {
	files := map[string]func(flux) string{
		"completed.yaml": func(expected flux) string { return expected.completed },
		"succeeded.yaml": func(expected flux) string { return expected.succeeded },
		"cutover.yaml":   func(expected flux) string { return expected.cutover },
	}
	for file, expected := range files {
		for _, kustomization := range kustomizations(t, file) {
			if len(kustomization.Spec.HealthCheckExprs) == 0 {
				continue
			}
			reader, err := cel.NewStatusReader(kustomization.Spec.HealthCheckExprs)
			require.NoError(t, err)
			for _, phase := range phases {
				t.Run(filepath.Join(file, kustomization.Name, phase.name), func(t *testing.T) {
					found, err := reader(nil).ReadStatusForObject(t.Context(), nil, watch(t, phase.name))
					require.NoError(t, err)
					require.NoError(t, found.Error)
					assert.Equal(t, expected(phase.flux), found.Status.String(), found.Message)
				})
			}
		}
	}
}

// The expressions count only with `wait`, and a long timeout keeps a worker of Flux from everything else.
func TestWavesWaitForEachOther(t *testing.T) {
	for _, file := range []string{"completed.yaml", "succeeded.yaml", "cutover.yaml"} {
		waves := kustomizations(t, file)
		first, second := waves[0], waves[1]
		assert.True(t, first.Spec.Wait, file)
		assert.NotEmpty(t, first.Spec.HealthCheckExprs, file)
		require.Len(t, second.Spec.DependsOn, 1, file)
		assert.Equal(t, first.Name, second.Spec.DependsOn[0].Name, file)
		assert.Equal(t, first.Namespace, second.Namespace, file)
		for _, wave := range waves {
			assert.LessOrEqual(t, wave.GetTimeout(), 10*time.Minute, file)
		}
		assert.Equal(t, time.Minute, first.GetRetryInterval(), file)
	}
}

func TestAlert(t *testing.T) {
	all := documents(t, "flux", "alert.yaml")
	require.Len(t, all, 2)
	var provider notificationv1.Provider
	require.NoError(t, yaml.UnmarshalStrict(all[0], &provider))
	var alert notificationv1.Alert
	require.NoError(t, yaml.UnmarshalStrict(all[1], &alert))
	assert.Equal(t, provider.Name, alert.Spec.ProviderRef.Name)
	kinds := alertKinds(t)
	for _, source := range alert.Spec.EventSources {
		assert.Contains(t, kinds, source.Kind)
	}
	assert.NotContains(t, kinds, "MigrationTaskWatch", "the document says that an Alert can't name one")
	require.Len(t, alert.Spec.ExclusionList, 1)
	waiting := regexp.MustCompile(alert.Spec.ExclusionList[0])
	// As kustomize-controller v1.10 and its library say it.
	object := "[MigrationTaskWatch/migration/wave-1 status: '"
	assert.Regexp(t, waiting, "health check failed after 5m0.01s: timeout waiting for: "+object+"InProgress']")
	assert.NotRegexp(t, waiting, "health check failed after 30ms: failed early due to stalled resources: "+object+"Failed']")
}

// The kinds that an Alert can name: the types have them in a marker alone, of which the definition is made.
func alertKinds(t *testing.T) []string {
	t.Helper()
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/fluxcd/notification-controller/api")
	folder, err := list.Output()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "v1", "reference_types.go"))
	require.NoError(t, err)
	marker := regexp.MustCompile(`(?s)Kind of the referent\n\s*// \+kubebuilder:validation:Enum=([^\n]*)`)
	found := marker.FindStringSubmatch(string(source))
	require.Len(t, found, 2)
	return strings.Split(found[1], ";")
}
