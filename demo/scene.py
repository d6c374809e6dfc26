"""The demo's scene, built from code. Run inside Blender, never imported by the farm.

    blender -b --factory-startup -P demo/scene.py -- scene.blend FRAMES WIDTH HEIGHT SAMPLES

A plate with the name of the product, and a wheel of coloured balls that turns once around it in
FRAMES frames, so that the movie loops. Works from Blender 2.93 to today's, and in the `bpy` module.
"""

from __future__ import annotations

import colorsys
import math
import sys

import bpy

BALLS = 12
#: Seconds do not matter here: the encoder of the demo uses the same rate.
FRAMES_PER_SECOND = 12


def material(name, colour, roughness=0.4, metallic=0.0):
    """A principled material."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = next(n for n in made.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    return made


def add_floor():
    """A dark floor that mirrors a little."""
    bpy.ops.mesh.primitive_plane_add(size=60)
    floor = bpy.context.object
    floor.data.materials.append(material("floor", (0.05, 0.06, 0.08), roughness=0.25))


def add_name():
    """The letters."""
    bpy.ops.object.text_add(location=(0, 0, 0.02), rotation=(math.radians(90), 0, 0))
    text = bpy.context.object
    text.data.body = "afanasy"
    text.data.align_x = "CENTER"
    text.data.extrude = 0.12
    text.data.bevel_depth = 0.015
    text.scale = (1.35, 1.35, 1.35)
    text.data.materials.append(material("name", (0.9, 0.55, 0.1), roughness=0.3, metallic=0.6))


def add_wheel(frames):
    """Balls on a circle; the circle turns once."""
    bpy.ops.object.empty_add()
    wheel = bpy.context.object
    for number in range(BALLS):
        turn = number / BALLS
        angle = turn * 2 * math.pi
        radius = 0.28 + 0.12 * math.sin(3 * angle)
        bpy.ops.mesh.primitive_uv_sphere_add(
            segments=32,
            ring_count=16,
            radius=radius,
            location=(3.1 * math.cos(angle), 3.1 * math.sin(angle), radius),
        )
        ball = bpy.context.object
        bpy.ops.object.shade_smooth()
        colour = colorsys.hsv_to_rgb(turn, 0.75, 0.8)
        ball.data.materials.append(material(f"ball {number}", colour, metallic=number % 2 * 0.8))
        ball.parent = wheel
    # The first frame is the one after the last: a loop without a step.
    bpy.context.preferences.edit.keyframe_new_interpolation_type = "LINEAR"
    for frame, turned in ((1, 0.0), (frames + 1, 1.0)):
        wheel.rotation_euler = (0, 0, turned * 2 * math.pi)
        wheel.keyframe_insert("rotation_euler", frame=frame)


def add_light_and_camera():
    """One big lamp, a little sky, and a camera that looks down at the name."""
    bpy.ops.object.light_add(type="AREA", location=(-4, -5, 7))
    lamp = bpy.context.object
    lamp.data.energy = 900
    lamp.data.size = 5
    lamp.rotation_euler = (math.radians(45), 0, math.radians(-40))
    world = bpy.context.scene.world or bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    sky = next(n for n in world.node_tree.nodes if n.type == "BACKGROUND")
    sky.inputs["Color"].default_value = (0.35, 0.5, 0.8, 1.0)
    sky.inputs["Strength"].default_value = 0.5
    bpy.ops.object.camera_add(location=(0, -10.2, 4.1), rotation=(math.radians(71), 0, 0))
    camera = bpy.context.object
    camera.data.lens = 42
    bpy.context.scene.camera = camera


def set_render(frames, width, height, samples):
    """Cycles on the processor with few samples; no denoiser (Debian builds Blender without one)."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, frames
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = width, height
    render.resolution_percentage = 100
    render.fps = FRAMES_PER_SECOND
    render.image_settings.file_format = "PNG"
    render.filepath = "//frames/frame.####"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.use_denoising = False
    cycles.use_adaptive_sampling = False
    cycles.max_bounces = 4
    # Small tiles: each one finished is a line in the output, and so a step of the progress.
    cycles.use_auto_tile = True
    cycles.tile_size = 96


def build(path, frames, width, height, samples):
    """Make the scene and save it as ``path``."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    add_floor()
    add_name()
    add_wheel(frames)
    add_light_and_camera()
    set_render(frames, width, height, samples)
    bpy.ops.wm.save_as_mainfile(filepath=path, compress=False)
    print(f"scene saved: {path}")


if __name__ == "__main__":
    _path, *_numbers = sys.argv[sys.argv.index("--") + 1 :]
    build(_path, *map(int, _numbers))
