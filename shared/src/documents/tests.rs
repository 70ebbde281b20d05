//! What a file's author would notice.

use serde_json::{Value, json};

use super::*;
use crate::inspect::Pointer;

/// What stands at `pointer` of the first object becomes `value`; the text then, or why not.
fn set(text: &str, pointer: &'static str, value: Value) -> Result<String, NotPlaced> {
    edit(text, |object| {
        if let Some(present) = object.pointer_mut(pointer) {
            *present = value;
            return;
        }
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[key] = value;
    })
}

fn push(text: &str, pointer: &'static str, value: Value) -> Result<String, NotPlaced> {
    edit(text, |object| object.pointer_mut(pointer).unwrap().as_array_mut().unwrap().push(value))
}

fn remove(text: &str, pointer: &'static str) -> Result<String, NotPlaced> {
    edit(text, |object| {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match object.pointer_mut(parent).unwrap() {
            Value::Object(fields) => drop(fields.shift_remove(key)),
            Value::Array(items) => drop(items.remove(key.parse().unwrap())),
            _ => unreachable!(),
        }
    })
}

fn edit(text: &str, change: impl FnOnce(&mut Value)) -> Result<String, NotPlaced> {
    let file = SourceFile::read(text.to_owned());
    let object = &file.objects()[0];
    let mut wanted = file.value(object).clone();
    change(&mut wanted);
    let mut rewrite = Rewrite::of(&file);
    rewrite.place(object, &wanted)?;
    let text = rewrite.text();
    let again = SourceFile::read(text.clone());
    assert_eq!(again.value(&again.objects()[0]), &wanted, "{text}");
    Ok(text)
}

fn troubles(text: &str) -> Vec<(TroubleKind, usize, usize)> {
    let file = SourceFile::read(text.to_owned());
    let of = |trouble: &Trouble| (trouble.kind, trouble.place.start.line, trouble.place.start.column);
    file.troubles().iter().map(of).collect()
}

fn names(text: &str) -> Vec<String> {
    let file = SourceFile::read(text.to_owned());
    let name = |object| file.value(object).pointer("/metadata/name").unwrap().as_str().unwrap().to_owned();
    file.objects().iter().map(name).collect()
}

const POD: &str = "\
# A server
apiVersion: v1
kind: Pod
metadata:
  name: server   # its name
spec:
  containers:
  - name: main
    image: \"vllm/vllm-openai:v0.9.1\"
    args: [\"serve\", \"--port=8000\"] # flow
    env:
    # The first
    - name: A
      value: 'b'   # b
    # - name: OFF
    #   value: off
    resources: {limits: {memory: 8Gi}}

    volumeMounts:

  volumes: []
";

#[test]
fn documents_of_every_form_are_found() {
    let helm = "walk.go:1: found a: b: link\n---\n# Source: a\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n\
                ---\n# empty\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\nNOTES:\n1. Run: this: {\n";
    assert_eq!(names(helm), ["a", "b"]);
    assert_eq!(troubles(helm), []);
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n\
                - apiVersion: v1\n  kind: Pod\n  metadata:\n    name: b\n";
    assert_eq!(names(list), ["a", "b"]);
    let json = "{\"apiVersion\":\"v1\",\n\t\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"}}\n\
                {\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"b\"}}";
    assert_eq!(names(json), ["a", "b"]);
    let crlf =
        "\u{feff}%YAML 1.1\r\n---\r\napiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: a\r\n...\r\n---\r\n";
    assert_eq!(names(crlf), ["a"]);
    let noise = "WARNING: this: is: noise\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
    assert_eq!(names(noise), ["a"]);
    assert_eq!(troubles("replicas: 2\nimage: {a: [}\n---\nhello"), []);
}

#[test]
fn a_broken_document_hides_no_other() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: [a\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n  name: c\n\
                ---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n  labels: {{ x }}\n---\na: {{ y }}: z\n";
    assert_eq!(names(text), ["c"]);
    let kinds: Vec<_> = troubles(text);
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert_eq!(kinds[0].0, TroubleKind::Malformed);
    assert_eq!(kinds[1], (TroubleKind::DuplicateKey, 9, 3));
    assert_eq!(kinds[2], (TroubleKind::Template, 14, 9));
    let lines = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n$MORE_METADATA\nspec: {}\n";
    assert_eq!(troubles(lines), [(TroubleKind::Template, 5, 1)]);
    // A line of a script makes no template of a document that is broken elsewhere.
    let script = "apiVersion: v1\nkind: Pod\nmetadata: [a\nspec:\n  script: |\n    $SERVER\n    exit\n";
    assert_eq!(troubles(script)[0].0, TroubleKind::Malformed);
    let tab = "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n";
    assert_eq!(troubles(tab), [(TroubleKind::Malformed, 4, 2)]);
}

#[test]
fn aliases_are_written_out_but_no_bomb_is() {
    let text =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nx: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: [*x]\n";
    let file = SourceFile::read(text.to_owned());
    let value = file.value(&file.objects()[0]);
    assert_eq!((&value["y"], &value["z"]), (&json!({"a": 1, "b": 3}), &json!([{"a": 1, "b": 2}])));
    let mut bomb = "apiVersion: v1\nkind: Pod\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let above = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [above.as_str(); 10].join(", ")));
    }
    assert_eq!(troubles(&bomb).len(), 1);
    let circle = "apiVersion: v1\nkind: Pod\na: &a [*a]\n";
    assert_eq!(troubles(circle).len(), 1);
    let deep = format!("apiVersion: v1\nkind: Pod\na: {}", "[".repeat(100_000));
    assert_eq!(troubles(&deep).len(), 1);
}

#[test]
fn a_place_is_that_of_the_key_or_of_what_is_above() {
    let file = SourceFile::read(POD.to_owned());
    let place = |pointer: &'static str| {
        let place = file.place_of(&file.objects()[0], Pointer::from_static(pointer));
        (place.start.line, place.start.column, place.end.line, place.end.column)
    };
    assert_eq!(place(""), (2, 1, 2, 15));
    assert_eq!(place("/metadata/name"), (5, 3, 5, 15));
    assert_eq!(place("/spec/containers/0"), (8, 5, 8, 15));
    assert_eq!(place("/spec/containers/0/image"), (9, 5, 9, 37));
    assert_eq!(place("/spec/containers/0/args/1"), (10, 21, 10, 34));
    assert_eq!(place("/spec/containers/0/env/0/value"), (14, 7, 14, 17));
    assert_eq!(place("/spec/containers/0/readinessProbe/httpGet"), (8, 5, 8, 15));
    assert_eq!(place("/spec/containers/0/resources/limits/memory"), (17, 26, 17, 37));
}

#[test]
fn a_new_item_stands_in_the_style_of_its_list() {
    let text =
        push(POD, "/spec/containers/0/env", json!({"name": "HF_HOME", "value": "/dev/shm/hf"})).unwrap();
    assert_eq!(
        text,
        POD.replace("'b'   # b\n", "'b'   # b\n    - name: HF_HOME\n      value: /dev/shm/hf\n")
    );
    let text = push(POD, "/spec/containers/0/args", json!("--model=x")).unwrap();
    assert_eq!(text, POD.replace("=8000\"]", "=8000\", \"--model=x\"]"));
    let indented =
        POD.replace("    # The first\n    - name: A\n      value", "      -   name: A\n          value");
    let text = push(&indented, "/spec/containers/0/env", json!({"name": "B", "value": "1"})).unwrap();
    assert_eq!(text, indented.replace("'b'   # b\n", "'b'   # b\n      - name: B\n        value: \"1\"\n"));
}

#[test]
fn a_missing_list_is_made_in_the_style_of_the_file() {
    let volumes = json!([{"name": "dshm", "emptyDir": {"medium": "Memory"}}]);
    let text = set(POD, "/spec/volumes", volumes.clone()).unwrap();
    let written = "  volumes:\n  - name: dshm\n    emptyDir:\n      medium: Memory\n";
    assert_eq!(text, POD.replace("  volumes: []\n", written));
    let text =
        set(&POD.replace("volumes: []", "volumes:  # none"), "/spec/volumes", volumes.clone()).unwrap();
    assert_eq!(text, POD.replace("  volumes: []\n", &written.replace("volumes:\n", "volumes:  # none\n")));
    let mounts = json!([{"name": "dshm", "mountPath": "/dev/shm"}]);
    let text = set(POD, "/spec/containers/0/volumeMounts", mounts.clone()).unwrap();
    let written = "    volumeMounts:\n    - name: dshm\n      mountPath: /dev/shm\n";
    assert_eq!(text, POD.replace("    volumeMounts:\n", written));
    let without = POD.replace("  volumes: []\n", "");
    let text = set(&without, "/spec/volumes", volumes).unwrap();
    assert!(text.contains("    volumeMounts:\n  volumes:\n  - name: dshm\n"), "{text}");
}

#[test]
fn objects_that_are_missing_are_made() {
    let annotations = json!({"gke-gcsfuse/volumes": "true"});
    let text = set(POD, "/metadata/annotations", annotations.clone()).unwrap();
    assert_eq!(
        text,
        POD.replace("# its name\n", "# its name\n  annotations:\n    gke-gcsfuse/volumes: \"true\"\n")
    );
    let template = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec: {}\n";
    let text = set(template, "/spec/template/metadata", json!({"annotations": annotations})).unwrap();
    assert_eq!(
        text,
        template.replace(
            "    spec: {}",
            "    metadata:\n      annotations:\n        gke-gcsfuse/volumes: \"true\"\n    spec: {}"
        )
    );
}

#[test]
fn crlf_and_the_missing_final_line_break_stay() {
    let crlf = POD.replace('\n', "\r\n");
    let text = push(&crlf, "/spec/containers/0/env", json!({"name": "B"})).unwrap();
    assert_eq!(text, crlf.replace("# b\r\n", "# b\r\n    - name: B\r\n"));
    let short = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a";
    assert_eq!(
        set(short, "/metadata/namespace", json!("prod")).unwrap(),
        format!("{short}\n  namespace: prod")
    );
    assert_eq!(remove(short, "/metadata").unwrap(), "apiVersion: v1\nkind: Pod");
}

#[test]
fn scalars_are_replaced_in_their_own_quotes() {
    let text = set(POD, "/spec/containers/0/env/0/value", json!("c")).unwrap();
    assert_eq!(text, POD.replace("'b'", "'c'"));
    let text = set(POD, "/spec/containers/0/image", json!("x:1")).unwrap();
    assert_eq!(text, POD.replace("vllm/vllm-openai:v0.9.1", "x:1"));
    let text = set(POD, "/metadata/name", json!("true")).unwrap();
    assert_eq!(text, POD.replace("name: server", "name: \"true\""));
    let text = set(POD, "/spec/containers/0/resources/limits/memory", json!("9Gi")).unwrap();
    assert_eq!(text, POD.replace("8Gi", "9Gi"));
}

#[test]
fn removals_take_their_lines_and_nothing_else() {
    let two = POD.replace("    # - name: OFF\n    #   value: off\n", "    - name: C # c\n      value: d\n");
    let text = remove(&two, "/spec/containers/0/env/0").unwrap();
    assert_eq!(text, two.replace("    - name: A\n      value: 'b'   # b\n", ""));
    let text = remove(&two, "/spec/containers/0/env/1").unwrap();
    assert_eq!(text, two.replace("    - name: C # c\n      value: d\n", ""));
    let text = remove(POD, "/spec/containers/0/args/0").unwrap();
    assert_eq!(text, POD.replace("\"serve\", ", ""));
    let text = remove(POD, "/spec/containers/0/args/1").unwrap();
    assert_eq!(text, POD.replace(", \"--port=8000\"", ""));
    let text = remove(POD, "/spec/containers/0/name").unwrap();
    assert_eq!(text, POD.replace("- name: main\n    image", "- image"));
    let text = remove(POD, "/spec/volumes").unwrap();
    assert_eq!(text, POD.replace("  volumes: []\n", ""));
}

#[test]
fn json_stays_json() {
    let json =
        "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\",\n\t\"spec\": {\n\t\t\"volumes\": []\n\t}\n}\n";
    let text = set(json, "/spec/volumes", json!([{"name": "a", "emptyDir": {}}])).unwrap();
    assert_eq!(text, json.replace("[]", "[{\"name\": \"a\", \"emptyDir\": {}}]"));
    let text = set(json, "/spec/hostNetwork", json!(true)).unwrap();
    assert_eq!(text, json.replace("[]", "[],\n\t\t\"hostNetwork\": true"));
    let _: Value = serde_json::from_str(&text).unwrap();
}

#[test]
fn what_cannot_be_written_safely_is_not_written() {
    let anchors = "apiVersion: v1\nkind: Pod\na: &env\n- name: A\nb: *env\nc: &d {x: 1}\ne: {<<: *d}\n";
    assert_eq!(push(anchors, "/b", json!({"name": "B"})), Err(NotPlaced::Shared));
    assert_eq!(push(anchors, "/a", json!({"name": "B"})), Err(NotPlaced::Different));
    assert_eq!(set(anchors, "/e/x", json!(2)), Err(NotPlaced::Shared));
    let script = "apiVersion: v1\nkind: Pod\nargs:\n- |\n  vllm serve x\n  # end\nb: 1\n";
    assert_eq!(set(script, "/args/0", json!("x")), Err(NotPlaced::Block));
    let text = push(script, "/args", json!("--x")).unwrap();
    assert_eq!(text, script.replace("  # end\n", "  # end\n- --x\n"));
}

#[test]
fn other_documents_are_not_touched() {
    let file = format!("# head\n{POD}---\n{}\n# foot", POD.replace("server", "other"));
    let text = push(&file, "/spec/containers/0/env", json!({"name": "B"})).unwrap();
    assert_eq!(text.len(), file.len() + "    - name: B\n".len());
    assert!(text.ends_with(file.split_once("---").unwrap().1));
}
