package gitops

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/health"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync/syncwaves"
	argov1 "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/argo-cd/v3/util/settings"
	"github.com/argoproj/notifications-engine/pkg/triggers"
	jsonpatch "github.com/evanphx/json-patch"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"
)

const healthyWhen = "migration-task-watch.dev/healthy-when"

func configMap(t *testing.T, file string) *corev1.ConfigMap {
	t.Helper()
	all := documents(t, "argocd", file)
	require.Len(t, all, 1)
	var found corev1.ConfigMap
	require.NoError(t, yaml.UnmarshalStrict(all[0], &found))
	return &found
}

var made map[string]argov1.ResourceOverride

// What Argo CD makes of the ConfigMap.
func overrides(t *testing.T) map[string]argov1.ResourceOverride {
	t.Helper()
	if made != nil {
		return made
	}
	logrus.SetLevel(logrus.WarnLevel)
	cm := configMap(t, "argocd-cm.yaml")
	// Argo CD reads ConfigMaps that are its own. That the namespace isn't given lets the component patch any.
	cm.Namespace = "argocd"
	cm.Labels = map[string]string{"app.kubernetes.io/part-of": "argocd"}
	manager := settings.NewSettingsManager(t.Context(), fake.NewClientset(cm), cm.Namespace)
	found, err := manager.GetResourceOverrides()
	require.NoError(t, err)
	made = found
	return made
}

func healthOf(t *testing.T, watch *unstructured.Unstructured, gate string) *health.HealthStatus {
	t.Helper()
	watch = watch.DeepCopy()
	if gate != "" {
		annotations := watch.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[healthyWhen] = gate
		watch.SetAnnotations(annotations)
	}
	found, err := health.GetResourceHealth(watch, lua.ResourceHealthOverrides(overrides(t)))
	require.NoError(t, err)
	require.NotNil(t, found)
	assert.NotEmpty(t, found.Message)
	return found
}

func TestHealth(t *testing.T) {
	for _, phase := range phases {
		gates := map[string]string{
			"":             phase.argo.succeeded,
			"Ready":        phase.argo.ready,
			"Completed":    phase.argo.completed,
			"Succeeded":    phase.argo.succeeded,
			"CutoverReady": phase.argo.cutoverReady,
		}
		for gate, expected := range gates {
			t.Run(filepath.Join(phase.name, gate), func(t *testing.T) {
				found := healthOf(t, watch(t, phase.name), gate)
				assert.Equal(t, expected, string(found.Status), found.Message)
			})
		}
	}
}

func TestUnknownGateIsTold(t *testing.T) {
	found := healthOf(t, watch(t, "succeeded"), "Sometimes")
	assert.Equal(t, health.HealthStatusDegraded, found.Status)
	assert.Contains(t, found.Message, "not Sometimes")
}

// What Argo CD sends to the API server for an action.
func patchOf(t *testing.T, vm lua.VM, watch *unstructured.Unstructured, name string) string {
	t.Helper()
	action, err := vm.GetResourceAction(watch, name)
	require.NoError(t, err)
	impacted, err := vm.ExecuteResourceAction(watch.DeepCopy(), action.ActionLua, nil)
	require.NoError(t, err)
	require.Len(t, impacted, 1)
	assert.Equal(t, lua.PatchOperation, impacted[0].K8SOperation)
	before, err := watch.MarshalJSON()
	require.NoError(t, err)
	after, err := impacted[0].UnstructuredObj.MarshalJSON()
	require.NoError(t, err)
	patch, err := jsonpatch.CreateMergePatch(before, after)
	require.NoError(t, err)
	return string(patch)
}

// They change what they should of a watch and nothing else, whatever its status holds.
func TestActions(t *testing.T) {
	vm := lua.VM{ResourceOverrides: overrides(t)}
	for _, phase := range phases {
		t.Run(phase.name, func(t *testing.T) {
			watch := watch(t, phase.name)
			scripts, err := vm.GetResourceActionDiscovery(watch)
			require.NoError(t, err)
			actions, err := vm.ExecuteResourceActionDiscovery(watch, scripts)
			require.NoError(t, err)
			enabled := map[string]bool{}
			for _, action := range actions {
				enabled[action.Name] = !action.Disabled
			}
			rests := strings.HasPrefix(phase.name, "suspended")
			assert.Equal(t, map[string]bool{"refresh": !rests, "suspend": !rests, "resume": rests}, enabled)

			asked := `^{"metadata":{"annotations":{"reconcile\.fluxcd\.io/requestedAt":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"}}}$`
			assert.Regexp(t, regexp.MustCompile(asked), patchOf(t, vm, watch, "refresh"))
			if rests {
				assert.JSONEq(t, `{"spec":{"suspend":false}}`, patchOf(t, vm, watch, "resume"))
			} else {
				assert.JSONEq(t, `{"spec":{"suspend":true}}`, patchOf(t, vm, watch, "suspend"))
			}
		})
	}
}

func TestConfigMapHasTheScripts(t *testing.T) {
	expected := configMapText(t)
	writeOrCompare(t, filepath.Join("examples", "argocd", "argocd-cm.yaml"), expected)
	override := overrides(t)["migration-task-watch.dev/MigrationTaskWatch"]
	assert.Equal(t, script(t, "health.lua"), override.HealthLua)
	actions, err := override.GetActions()
	require.NoError(t, err)
	assert.Equal(t, script(t, "actions", "discovery.lua"), actions.ActionDiscoveryLua)
	assert.Len(t, actions.Definitions, len(actionNames))
	for _, action := range actions.Definitions {
		assert.Contains(t, actionNames, action.Name)
		assert.Equal(t, script(t, "actions", action.Name+".lua"), action.ActionLua)
	}
}

var actionNames = []string{"refresh", "suspend", "resume"}

func script(t *testing.T, path ...string) string {
	t.Helper()
	return read(t, append([]string{"examples", "argocd"}, path...)...)
}

// The text of argocd-cm.yaml.
func configMapText(t *testing.T) string {
	t.Helper()
	indented := func(by int, text string) string {
		return regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(text, strings.Repeat(" ", by)+"$1")
	}
	head := `# What Argo CD has to know of MigrationTaskWatches, made of the scripts beside this file. It is to be merged into the ConfigMap
# that you have, as kustomization.yaml does.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
data:
  resource.customizations.health.migration-task-watch.dev_MigrationTaskWatch: |
`
	text := head + indented(4, script(t, "health.lua")) +
		"  resource.customizations.actions.migration-task-watch.dev_MigrationTaskWatch: |\n" +
		"    discovery.lua: |\n" + indented(6, script(t, "actions", "discovery.lua")) +
		"    definitions:\n"
	for _, name := range actionNames {
		text += "      - name: " + name + "\n        action.lua: |\n" + indented(10, script(t, "actions", name+".lua"))
	}
	return text
}

func TestSecondWaveComesAfterTheFirst(t *testing.T) {
	var waves []int
	for _, document := range documents(t, "argocd", "waves", "watches.yaml") {
		var watch unstructured.Unstructured
		require.NoError(t, watch.UnmarshalJSON(document))
		waves = append(waves, syncwaves.Wave(&watch))
	}
	assert.Equal(t, []int{1, 2}, waves)
}

func TestNotifications(t *testing.T) {
	conditions := map[string][]triggers.Condition{}
	templates := map[string]*template.Template{}
	for key, text := range configMap(t, "argocd-notifications-cm.yaml").Data {
		kind, name, _ := strings.Cut(key, ".")
		switch kind {
		case "trigger":
			var found []triggers.Condition
			require.NoError(t, yaml.UnmarshalStrict([]byte(text), &found))
			conditions[name] = found
		case "template":
			var found struct{ Message string }
			require.NoError(t, yaml.UnmarshalStrict([]byte(text), &found))
			parsed, err := template.New(name).Option("missingkey=error").Parse(found.Message)
			require.NoError(t, err)
			templates[name] = parsed
		default:
			t.Fatalf("what is %s?", key)
		}
	}
	service, err := triggers.NewService(conditions)
	require.NoError(t, err)
	app, subscriptions := application(t)
	assert.ElementsMatch(t, []string{"on-wave-failed", "on-wave-succeeded"}, subscriptions)
	for _, phase := range phases {
		t.Run(phase.name, func(t *testing.T) {
			// With one watch, the health of the application is that of the watch.
			found := healthOf(t, watch(t, phase.name), "")
			app["status"] = map[string]any{
				"health": map[string]any{"status": string(found.Status)},
				"sync":   map[string]any{"status": "Synced", "revision": "1"},
			}
			var told []string
			for _, name := range subscriptions {
				results, err := service.Run(name, map[string]any{"app": app})
				require.NoError(t, err)
				for _, result := range results {
					if !result.Triggered {
						continue
					}
					told = append(told, name)
					for _, name := range result.Templates {
						require.Contains(t, templates, name)
						var message bytes.Buffer
						require.NoError(t, templates[name].Execute(&message, map[string]any{"app": app}))
						assert.Contains(t, message.String(), "migration")
					}
				}
			}
			expected := map[string][]string{healthy: {"on-wave-succeeded"}, degraded: {"on-wave-failed"}}
			assert.Equal(t, expected[phase.argo.succeeded], told)
		})
	}
}

// The example Application, and the triggers that it subscribes to.
func application(t *testing.T) (app map[string]any, subscriptions []string) {
	t.Helper()
	all := documents(t, "argocd", "application.yaml")
	require.Len(t, all, 1)
	var typed argov1.Application
	require.NoError(t, yaml.UnmarshalStrict(all[0], &typed))
	require.NoError(t, json.Unmarshal(all[0], &app))
	for key := range typed.Annotations {
		subscription, ok := strings.CutPrefix(key, "notifications.argoproj.io/subscribe.")
		require.True(t, ok, key)
		trigger, _, _ := strings.Cut(subscription, ".")
		subscriptions = append(subscriptions, trigger)
	}
	slices.Sort(subscriptions)
	return app, subscriptions
}
