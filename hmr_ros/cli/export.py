"""``hmr export NAME``: networks, and the body, as ONNX files for any runtime."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from hmr_ros.frontend.carrier import MODELS
from hmr_ros.parameters import table

SUMMARY = "write a network or the body as ONNX, compared with what it comes from"
OVER_TIME = "temporal"
NETWORKS = (*table()["estimator"].choices, OVER_TIME)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to write, and where."""
    parser.add_argument(
        "name",
        choices=(*NETWORKS, "body", "blazepose", *MODELS),
        help="an estimator; the network over time; the body's decoding to joints and vertices; the "
        "front end's networks, together or each",
    )
    parser.add_argument("--out", type=Path, default=Path("out/onnx"), help="folder (%(default)s)")
    parser.add_argument(
        "--precision",
        choices=("float32", "float16", "int8"),
        default="float32",
        help="float16 also writes NAME-float16.onnx, strongly typed for TensorRT; int8 also "
        "NAME-int8.onnx of an estimator, for processors (%(default)s)",
    )
    parser.add_argument(
        "--weights", type=Path, help="the network's .safetensors (default: the shipped ones)"
    )
    parser.add_argument(
        "--body-model", type=Path, help="of the body: file in SMPL layout (default: the open one)"
    )
    parser.add_argument(
        "--faces", type=int, metavar="N", help="of the body: a mesh of at most N triangles"
    )
    parser.add_argument(
        "--outputs",
        default="",
        metavar="A,B",
        help="of the front end: keep these outputs only; what no other needs is left out, such as "
        "the mask's part",
    )


def run(args: argparse.Namespace) -> int:
    """Exit status 0 when all is written and equals its source. Raises ValueError for options that
    do not fit, RuntimeError for a graph that does not give what its source gives."""
    if args.name in NETWORKS:
        _network(args)
    elif args.name == "body":
        _body(args)
    else:
        for name in MODELS if args.name == "blazepose" else (args.name,):
            _front_end(args, name)
    return 0


def _network(args: argparse.Namespace) -> None:
    from hmr_ros.assets import asset
    from hmr_ros.body.model import load_body_model
    from hmr_ros.runtime.estimator_export import export

    if args.name == OVER_TIME and args.precision != "float32":
        raise ValueError(
            f"--precision {args.precision}: the network over time runs on the processor, in float32"
        )
    source = args.weights or asset("weights", f"{args.name}.safetensors")
    half = args.precision == "float16"
    found = export(source, load_body_model(), args.name, args.out, half)
    print(f"{args.out / args.name}.onnx: largest difference to torch {found:.1e}")
    if args.precision == "int8":
        from hmr_ros.runtime.quantization import export_int8

        export_int8(args.out / f"{args.name}.onnx")
    if args.precision != "float32":
        print(f"{args.out / args.name}-{args.precision}.onnx: judge it with `hmr eval precision`")


def _body(args: argparse.Namespace) -> None:
    from hmr_ros.body.model import load_body_model
    from hmr_ros.node.level_of_detail import coarse_faces
    from hmr_ros.runtime.body_export import export

    if args.precision != "float32":
        raise ValueError(f"--precision {args.precision}: kinematics and skinning stay in float32")
    body = load_body_model(args.body_model)
    faces = coarse_faces(body.v_template, body.faces, args.faces) if args.faces else None
    found = export(body, args.out, faces)
    print(f"{args.out / args.name}.onnx: largest difference to numpy {found:.1e} m")


def _front_end(args: argparse.Namespace, name: str) -> None:
    import numpy as np
    import onnx

    from hmr_ros.frontend.blazepose_export import SIDES, export, references
    from hmr_ros.runtime.graph_description import save, write_manifest, write_variant_manifest
    from hmr_ros.runtime.graph_file import manifest_path, variant_path
    from hmr_ros.runtime.half_precision import all_products, in_half_precision

    if args.precision == "int8":
        raise ValueError(
            "--precision int8: only products of matrices are made in eight bits, and the front "
            "end's networks are convolutions"
        )
    wanted = tuple(output for output in args.outputs.split(",") if output)
    found = export(name, args.out, wanted)
    path = args.out / f"{name}.onnx"
    pictures = np.concatenate(list(references(SIDES[name]))).transpose(0, 3, 1, 2)
    facts = {"estimator": name} | json.loads(manifest_path(path).read_text())
    write_manifest(path, facts, {"image": np.ascontiguousarray(pictures)})
    told = ", ".join(f"{key} {value:.1e}" for key, value in found.items())
    print(f"{path}: largest differences to the original: {told}")
    if args.precision == "float16":
        model = onnx.load(path)
        half = variant_path(path, "float16")
        save(in_half_precision(model, all_products(model)), half)
        write_variant_manifest(path, "float16")
        print(f"{half}: strongly typed, sums of layers and results in float32")
