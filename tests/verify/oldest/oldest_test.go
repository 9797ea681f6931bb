// Holds what is installed against the oldest version of Kubernetes that Chart.yaml promises. The modules of go.mod are that version's.
package oldest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const root = "../../.."

var scheme = knownTypes()

func knownTypes() *runtime.Scheme {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return scheme
}

// As an API server of that version does with fieldValidation=Strict, and always with a server-side apply.
func decode(document []byte) (runtime.Object, error) {
	options := json.SerializerOptions{Yaml: true, Strict: true}
	object, _, err := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, options).Decode(document, nil, nil)
	return object, err
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestTheModulesAreOfTheVersionThatTheChartPromises(t *testing.T) {
	chart := read(t, filepath.Join(root, "charts/migration-task-watch/Chart.yaml"))
	promised := regexp.MustCompile(`(?m)^kubeVersion: ">=1\.([0-9]+)\.0-0"$`).FindSubmatch(chart)
	if promised == nil {
		t.Fatal("Chart.yaml has no kubeVersion of this form")
	}
	modules := regexp.MustCompile(`(?m)^\t(k8s\.io/\S+) v0\.([0-9]+)\.[0-9]+$`).FindAllSubmatch(read(t, "go.mod"), -1)
	if len(modules) == 0 {
		t.Fatal("go.mod has no module of Kubernetes")
	}
	for _, module := range modules {
		if !bytes.Equal(module[2], promised[1]) {
			t.Errorf("go.mod has %s of 1.%s, and Chart.yaml promises 1.%s", module[1], module[2], promised[1])
		}
	}
}

func TestTheDefinitionIsTaken(t *testing.T) {
	object, err := decode(read(t, filepath.Join(root, "crds/migrationtaskwatches.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	definition := object.(*apiextensionsv1.CustomResourceDefinition)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&definition.Spec)
	var internal apiextensions.CustomResourceDefinition
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(definition, &internal, nil); err != nil {
		t.Fatal(err)
	}
	// Rules in CEL are compiled, and their cost is judged.
	for _, problem := range validation.ValidateCustomResourceDefinition(context.Background(), &internal) {
		// What the API server itself has set by then.
		if problem.Field != "status.storedVersions" {
			t.Error(problem)
		}
	}
}

// MANIFESTS is a folder of what helm and kustomize render.
func TestEverythingThatIsRenderedIsTaken(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(os.Getenv("MANIFESTS"), "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("MANIFESTS=%q has no manifests: %v", os.Getenv("MANIFESTS"), err)
	}
	for _, file := range files {
		documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(read(t, file))))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var kind struct{ APIVersion string }
			if err := yaml.Unmarshal(document, &kind); err != nil {
				t.Fatal(err)
			}
			// Empty ones, and those of the Prometheus operator.
			if kind.APIVersion == "" || strings.HasPrefix(kind.APIVersion, "monitoring.coreos.com/") {
				continue
			}
			if _, err := decode(document); err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
		}
	}
}
