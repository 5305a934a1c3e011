/* The room that a view looks into, and the one renderer that draws all of them.
 *
 * A browser has few WebGL contexts and drops the oldest, so there is one for the whole page: each view is rendered into
 * it and copied to the view's own canvas.
 */
import * as THREE from "./vendor/three.module.min.js";

const LIGHTS = {
  dark: { sky: "#8fa3ff", ground: "#1a1030", hemisphere: 0.75, key: 1.9, left: "#2fe6ff", right: "#ff3fb4", rim: 5, body: "#cfd3e6",
          line: "#3a56b8", glow: "#ff3fb4", second: "#2fe6ff", shade: 0.55 },
  light: { sky: "#ffffff", ground: "#cfd4e6", hemisphere: 1.7, key: 2.0, left: "#8fdcff", right: "#ffb0dd", rim: 1.2, body: "#aeb6cf",
           line: "#8a97bd", glow: "#e0359c", second: "#0093b8", shade: 0.22 },
};
const GRID_VERTEX = `varying vec2 place; void main() { place = position.xy; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`;
const GRID_FRAGMENT = `
  varying vec2 place; uniform vec3 line, glow; uniform vec2 dancer; uniform float beat, blob;
  float lines(vec2 at, float wide) {
    vec2 soft = fwidth(at) * wide, near = abs(fract(at - 0.5) - 0.5);
    vec2 on = 1.0 - smoothstep(vec2(0.0), soft, near);
    return max(on.x, on.y);
  }
  void main() {
    float far = length(place), fade = 1.0 - smoothstep(1.6, 5.6, far), near = length(place - dancer);
    float grid = max(0.38 * lines(place * 2.0, 1.2), 0.9 * lines(place, 1.5)) * fade;
    float ring = (1.0 - smoothstep(0.0, 0.05, abs(near - 0.62 - 0.16 * (1.0 - beat)))) * beat;
    float pool = exp(-1.7 * near * near) * (0.16 + 0.5 * beat);
    vec4 floor = vec4(mix(line, glow, clamp(ring + pool * 1.4, 0.0, 1.0)), clamp(grid * (0.55 + 0.45 * beat) + ring * 0.85 + pool * 0.55, 0.0, 1.0));
    float dark = blob * exp(-14.0 * near * near);
    gl_FragColor = vec4(mix(floor.rgb, vec3(0.0), dark), max(floor.a, dark));
  }`;

export class Room {
  constructor() {
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(32, 1, 0.1, 60);
    this.sky = new THREE.HemisphereLight();
    this.key = new THREE.DirectionalLight("#ffffff");
    this.key.castShadow = true;
    this.key.shadow.mapSize.set(1024, 1024);
    Object.assign(this.key.shadow.camera, { left: -1.6, right: 1.6, top: 2.2, bottom: -1.4, near: 0.5, far: 10 });
    this.key.shadow.radius = 5;
    this.key.shadow.bias = -0.0006;
    this.left = new THREE.DirectionalLight();
    this.right = new THREE.DirectionalLight();
    this.left.position.set(-3, 1.6, -2.4);
    this.right.position.set(3, 1.8, -2.0);
    this.paint = new THREE.MeshStandardMaterial({ roughness: 0.52, metalness: 0.05 });
    const uniforms = { line: { value: new THREE.Color() }, glow: { value: new THREE.Color() }, dancer: { value: new THREE.Vector2() }, beat: { value: 0 }, blob: { value: 0 } };
    this.grid = new THREE.Mesh(
      new THREE.PlaneGeometry(12, 12),
      new THREE.ShaderMaterial({ uniforms, vertexShader: GRID_VERTEX, fragmentShader: GRID_FRAGMENT, transparent: true, depthWrite: false }),
    );
    this.shade = new THREE.Mesh(new THREE.PlaneGeometry(12, 12), new THREE.ShadowMaterial());
    for (const plane of [this.grid, this.shade]) plane.rotation.x = -Math.PI / 2;
    this.grid.position.y = -0.002;
    this.shade.receiveShadow = true;
    this.scene.add(this.sky, this.key, this.key.target, this.left, this.right, this.grid, this.shade);
    this.lit(true);
  }

  /* Whether limbs throw shadows; else there is a soft one under the dancer, which costs next to nothing. */
  shadowed(sharp) {
    this.key.castShadow = this.shade.visible = sharp;
    this.grid.material.uniforms.blob.value = sharp ? 0 : this.own.shade;
  }

  /* Lights and colours of the dark or the light page. accent: of the beat light and the right edge. */
  lit(dark, accent) {
    const own = (this.own = LIGHTS[dark ? "dark" : "light"]);
    this.sky.color.set(own.sky);
    this.sky.groundColor.set(own.ground);
    this.sky.intensity = own.hemisphere;
    this.key.intensity = own.key;
    this.left.color.set(own.left);
    this.right.color.set(accent || own.right);
    this.left.intensity = this.right.intensity = own.rim;
    this.paint.color.set(own.body);
    this.accent = accent || own.glow;
    this.grid.material.uniforms.line.value.set(own.line);
    this.shade.material.opacity = own.shade;
    this.shadowed(this.shade.visible);
  }

  /* The light of a beat: 1 as it falls, 0 long after; bars begin in the accent's colour, other beats in the second. */
  beat(strength, bar, [x, z]) {
    const { glow, dancer, beat } = this.grid.material.uniforms;
    glow.value.set(bar ? this.accent : this.own.second);
    dancer.value.set(x, -z);
    beat.value = strength;
    this.left.intensity = this.right.intensity = this.own.rim * (0.75 + 0.5 * strength);
    this.key.position.set(x + 1.6, 5.2, z + 3.4);
    this.key.target.position.set(x, 0.7, z);
  }

  dispose() {
    for (const plane of [this.grid, this.shade]) {
      plane.geometry.dispose();
      plane.material.dispose();
    }
    this.paint.dispose();
    this.key.shadow.dispose();
  }
}

let renderer; // undefined: not tried; null: this browser has no WebGL

/* How much is drawn: 2 all, 1 without shadows of limbs, 0 in few pixels, too. A page without a graphics card begins at 1,
 * and one that is slow goes down.
 */
export const quality = { level: 2, ratio: Math.min(devicePixelRatio || 1, 2) };
const SLOW_MS = 55, FAST_MS = 22, COUNTED = 8, LEAST_RATIO = 0.5;
let [before, sum, count] = [0, 0, 0];

/* Told of every picture of what plays, with the moment it was drawn in. */
export function paced(now) {
  if (now - before < 1000) [sum, count] = [sum + now - before, count + 1];
  before = now;
  if (count < COUNTED) return;
  const mean = sum / count;
  [sum, count] = [0, 0];
  const most = quality.level === 2 ? Math.min(devicePixelRatio || 1, 2) : quality.level ? 1 : 0.7;
  if (mean > SLOW_MS && quality.ratio > LEAST_RATIO) quality.ratio = Math.max(LEAST_RATIO, quality.ratio * 0.8);
  else if (mean > SLOW_MS && quality.level) quality.level--;
  else if (mean < FAST_MS) quality.ratio = Math.min(most, quality.ratio * 1.1);
}

function isSoftware() {
  const probe = document.createElement("canvas").getContext("webgl2");
  const told = probe?.getExtension("WEBGL_debug_renderer_info");
  const name = told ? probe.getParameter(told.UNMASKED_RENDERER_WEBGL) : "";
  probe?.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

function made() {
  if (renderer !== undefined) return renderer;
  try {
    const slow = isSoftware();
    if (slow) Object.assign(quality, { level: 1, ratio: Math.min(1, quality.ratio) });
    renderer = new THREE.WebGLRenderer({ antialias: !slow, alpha: true, powerPreference: "high-performance" });
    renderer.setPixelRatio(1);
    renderer.setClearColor(0x000000, 0);
    renderer.shadowMap.enabled = true;
    renderer.shadowMap.type = THREE.PCFSoftShadowMap;
    renderer.domElement.addEventListener("webglcontextlost", (event) => event.preventDefault());
  } catch {
    renderer = null;
  }
  return renderer;
}

/* Makes the renderer as large as the largest of the canvases (each [width, height]) and no larger: all of it is copied. */
export function fit(sizes) {
  const own = made();
  const [width, height] = [0, 1].map((axis) => Math.max(1, ...sizes.map((size) => size[axis])));
  if (own && (own.domElement.width !== width || own.domElement.height !== height)) own.setSize(width, height, false);
}

/* Draws a room onto a 2D canvas of so many pixels. False where there is no WebGL. */
export function drawRoom(room, canvas) {
  const own = made();
  if (!own) return false;
  if (room.shade.visible !== quality.level > 1) room.shadowed(quality.level > 1);
  const { width, height } = canvas;
  own.setViewport(0, 0, width, height);
  own.setScissor(0, 0, width, height);
  own.setScissorTest(true);
  own.render(room.scene, room.camera);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.drawImage(own.domElement, 0, own.domElement.height - height, width, height, 0, 0, width, height);
  return true;
}
