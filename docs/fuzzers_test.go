package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryFuzzerStatesABound holds architecture.md to its word: each fuzzer of
// a parser names what parsing may allocate.
func TestEveryFuzzerStatesABound(t *testing.T) {
	fuzzer := regexp.MustCompile(`(?ms)^func (Fuzz\w+)\(.*?^}$`)
	shared := regexp.MustCompile(`(?m)^var (\w+) = fuzztest\.Bound\{`)
	found := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text := read(t, name)
		bounds := []string{"fuzztest.Bound{"}
		for _, m := range shared.FindAllStringSubmatch(text, -1) {
			bounds = append(bounds, "t, "+m[1]+",", m[1]+".Check(")
		}
		for _, m := range fuzzer.FindAllStringSubmatch(text, -1) {
			found++
			states := func(bound string) bool { return strings.Contains(m[0], bound) }
			if m[1] != "FuzzSeal" && !slices.ContainsFunc(bounds, states) {
				t.Errorf("%s: %s states no bound", name, m[1])
			}
		}
		return nil
	})
	if err != nil || found < 30 {
		t.Errorf("%d fuzzers were found: %v", found, err)
	}
}

// fuzzedWithin are functions that read what others wrote and that no fuzzer names: why.
func fuzzedWithin() map[string]string {
	return map[string]string{
		"cmd/saksi-review/desk.Open":  "a folder of its own, whose index is sealed; FuzzIndex has what is in there",
		"cmd/saksi/letter.Read":       "the names in a folder",
		"cmd/saksi/release.Open":      "sign.Open, and then Parse",
		"crypto/batch.Read":           "in FuzzRead, by a function of the test",
		"crypto/hybrid.Open":          "age's own format; FuzzUnwrap has our stanza",
		"crypto/hybrid.OpenBytes":     "like Open",
		"crypto/item.Open":            "in FuzzOpen, by a function of the test",
		"crypto/parcel.OpenCarry":     "in FuzzCarried, by a function of the test",
		"crypto/pass.ParseCard":       "in FuzzParseList: a line of it",
		"crypto/receipt.ReadWords":    "word for word what FuzzParse has",
		"crypto/share.Open":           "in FuzzOpen, by a function of the test",
		"crypto/sign.ReadSigner":      "in FuzzParseKey, by a function of the test",
		"crypto/strictjson.Unmarshal": "in FuzzUnmarshal, by its instance",
		"server/folder.Open":          "the names and files of its own folder, each read by a parser that is named",
		"server/onion.Open":           "reads nothing",
		"server/onion/tornet.Open":    "reads nothing",
		"server/store/boltstore.Open": "the pages are in FuzzPages, the records in FuzzRecords, names in FuzzStageName",
	}
}

// TestEveryParserHasAFuzzer: of each exported function that reads what others wrote, a
// fuzzer of its package has the name, or this page the reason.
func TestEveryParserHasAFuzzer(t *testing.T) {
	parser := regexp.MustCompile(`(?m)^func ((?:Parse|Open|Read|Join|Decode|Unmarshal|Verify|Unwrap)\w*)[\[(]`)
	fuzzer := regexp.MustCompile(`(?ms)^func Fuzz\w+\(.*?^}$`)
	parsers, fuzzers := map[string][]string{}, map[string]string{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".go" {
			return err
		}
		of, _ := filepath.Rel("..", filepath.Dir(name))
		text := read(t, name)
		if strings.HasSuffix(name, "_test.go") {
			fuzzers[of] += strings.Join(fuzzer.FindAllString(text, -1), "\n")
			return nil
		}
		for _, m := range parser.FindAllStringSubmatch(text, -1) {
			parsers[of] = append(parsers[of], m[1])
		}
		return nil
	})
	if err != nil || len(parsers) < 20 {
		t.Fatalf("%d packages have parsers: %v", len(parsers), err)
	}
	within := fuzzedWithin()
	for of, names := range parsers {
		for _, name := range names {
			_, reason := within[of+"."+name]
			delete(within, of+"."+name)
			if named := regexp.MustCompile(`\b` + name + `\b`).MatchString(fuzzers[of]); named == reason && !strings.HasSuffix(of, "test") {
				t.Errorf("%s.%s: in a fuzzer %v, with a reason %v", of, name, named, reason)
			}
		}
	}
	for name := range within {
		t.Errorf("%s: there is no such function", name)
	}
}

// readElsewhere are unexported functions that read what others wrote and that no fuzzer of
// their package comes to: why.
func readElsewhere() map[string]string {
	return map[string]string{
		"cmd/saksi.parseAddress":        "errand.ParseAddress, which has a fuzzer, and a flag",
		"cmd/saksi.readAddress":         "a line of the server that demo itself started",
		"cmd/saksi.readOwn":             "files, for web.ParseInstance and taxonomy.Parse",
		"cmd/saksi.readRelease":         "files, for sign.ParseKey and release.Open",
		"server/servertest/cases.parse": "what the tests have in their folder",
		"web/regions.parse":             "what is built in; a test holds it line by line",
	}
}

// TestEveryInnerParserIsReached: so is each unexported function whose name says that it
// reads bytes or text: a fuzzer of its package calls it, or calls who does, by name.
func TestEveryInnerParserIsReached(t *testing.T) {
	reads := regexp.MustCompile(`^(?:parse|read|decode|unpack|from)(?:[A-Z0-9]\w*)?$`)
	reasons, found := readElsewhere(), 0
	for of, functions := range functionsOf(t) {
		reached := reachedByFuzzers(functions)
		for name, f := range functions {
			if !reads.MatchString(name) || !f.takesText || f.inTest {
				continue
			}
			found++
			_, reason := reasons[of+"."+name]
			delete(reasons, of+"."+name)
			if reached[name] == reason && !strings.HasSuffix(of, "test") {
				t.Errorf("%s.%s: reached by a fuzzer %v, with a reason %v", of, name, reached[name], reason)
			}
		}
	}
	for name := range reasons {
		t.Errorf("%s: there is no such function", name)
	}
	if found < 40 {
		t.Errorf("%d functions were found", found)
	}
}

// A function is one of a package, or several methods of one name.
type function struct {
	takesText bool            // bytes, a string or a reader, and not only the name of a file
	inTest    bool            // all of them are
	names     map[string]bool // that it calls, or hands on
}

// functionsOf returns those of all packages by their folders and names.
func functionsOf(t *testing.T) map[string]map[string]*function {
	t.Helper()
	all := map[string]map[string]*function{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		here, _ := filepath.Rel("..", filepath.Dir(name))
		if all[here] == nil {
			all[here] = map[string]*function{}
		}
		imports := map[string]bool{}
		for _, i := range file.Imports {
			if of := strings.Trim(i.Path.Value, `"`); of != "saksi/"+here {
				imports[path.Base(of)] = true
			}
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				note(all[here], f, imports, strings.HasSuffix(name, "_test.go"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func note(functions map[string]*function, decl *ast.FuncDecl, imports map[string]bool, inTest bool) {
	f := functions[decl.Name.Name]
	if f == nil {
		f = &function{inTest: true, names: map[string]bool{}}
		functions[decl.Name.Name] = f
	}
	f.inTest = f.inTest && inTest
	for _, field := range decl.Type.Params.List {
		if slices.Contains([]string{"string", "[]byte", "io.Reader"}, types.ExprString(field.Type)) {
			f.takesText = f.takesText || slices.ContainsFunc(field.Names, func(id *ast.Ident) bool { return !isOfFile(decl, id) })
		}
	}
	ast.Inspect(decl, func(n ast.Node) bool {
		var used []ast.Expr
		switch n := n.(type) {
		case *ast.CallExpr:
			used = append(n.Args, n.Fun)
		case *ast.CompositeLit:
			used = n.Elts
		}
		for _, e := range used {
			f.names[nameOf(e, imports)] = true
		}
		return true
	})
}

// isOfFile reports whether a parameter names a file: who opens one reads nothing by itself.
func isOfFile(decl *ast.FuncDecl, parameter *ast.Ident) bool {
	return strings.HasPrefix(decl.Name.Name, "read") && slices.Contains([]string{"name", "path", "dir"}, parameter.Name)
}

// nameOf returns the name of a function or a method, but not of another package's.
func nameOf(used ast.Expr, imports map[string]bool) string {
	switch e := used.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); !ok || !imports[x.Name] {
			return e.Sel.Name
		}
	}
	return ""
}

// reachedByFuzzers follows the names that stand in fuzzers.
func reachedByFuzzers(functions map[string]*function) map[string]bool {
	reached := map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		if f := functions[name]; f != nil && !reached[name] {
			reached[name] = true
			for next := range f.names {
				follow(next)
			}
		}
	}
	for name := range functions {
		if strings.HasPrefix(name, "Fuzz") {
			follow(name)
		}
	}
	return reached
}
