/* What dances in a view: the mannequin with its skin, or limbs between joints that are known without bones. */
import * as THREE from "./vendor/three.module.min.js";

export const JOINTS = [
  "nose", "neck", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist", "r_hip", "r_knee", "r_ankle",
  "l_hip", "l_knee", "l_ankle", "r_eye", "l_eye", "r_ear", "l_ear",
];
export const LIMBS = [
  [1, 2], [1, 5], [2, 3], [3, 4], [5, 6], [6, 7], [1, 8], [1, 11], [8, 11], [8, 9], [9, 10], [11, 12], [12, 13], [1, 0],
];
export const LIMB_COLOURS = [
  "#ff5a8a", "#ff9d4d", "#ffb84d", "#ffe14d", "#b8ff4d", "#5cff8a", "#4dffd2", "#4dd2ff", "#4da6ff", "#5c8aff", "#8a7dff",
  "#b87dff", "#f07dff", "#ff7dc8",
];
const TYPES = {
  float32: Float32Array, int16: Int16Array, int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array,
};
const UNIT = 32767;

/* A dance as `views.packed` sends it. */
export class Dance {
  constructor(bytes) {
    const length = new DataView(bytes).getUint32(0, true);
    Object.assign(this, JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length))));
    const begins = 4 + length;
    for (const { name, type, shape, at } of this.arrays)
      this[name] = new TYPES[type](bytes, begins + at, shape.reduce((product, size) => product * size, 1));
    this.frames = this.joints.length / 54;
    this._steady();
  }

  get end_s() {
    return this.start_s + this.seconds;
  }

  /* Frame before a moment of the song, the frame after, and how far it is between them. */
  between(time) {
    const at = Math.min(Math.max((time - this.start_s) * this.fps, 0), this.frames - 1);
    const first = Math.floor(at);
    return [first, Math.min(first + 1, this.frames - 1), at - first];
  }

  /* (54) metres: the 18 joints at a moment. */
  jointsAt(time, into = new Float32Array(54)) {
    const [first, next, share] = this.between(time);
    for (let at = 0; at < 54; at++) {
      const from = this.joints[first * 54 + at];
      into[at] = from + (this.joints[next * 54 + at] - from) * share;
    }
    return into;
  }

  /* Where the dancer is on the floor, without the sway of single steps. */
  middleAt(time) {
    const [first, next, share] = this.between(time);
    return [0, 1].map((axis) => this.middles[2 * first + axis] * (1 - share) + this.middles[2 * next + axis] * share);
  }

  _steady() {
    const sums = [[0], [0]];
    for (let frame = 0; frame < this.frames; frame++)
      [0, 2].forEach((axis, row) => {
        const hips = (this.joints[frame * 54 + 24 + axis] + this.joints[frame * 54 + 33 + axis]) / 2;
        const last = sums[row].at(-1);
        sums[row].push(last + (Number.isFinite(hips) ? hips : (last / Math.max(frame, 1))));
      });
    const reach = Math.round(this.fps * 0.8);
    this.middles = new Float32Array(2 * this.frames);
    for (let frame = 0; frame < this.frames; frame++) {
      const [from, to] = [Math.max(0, frame - reach), Math.min(this.frames, frame + reach + 1)];
      for (const row of [0, 1]) this.middles[2 * frame + row] = (sums[row][to] - sums[row][from]) / (to - from);
    }
  }
}

/* The body's mesh on 24 bones that stand and turn as the dance says. */
export class Mannequin extends THREE.Group {
  constructor(dance, material) {
    super();
    this.dance = dance;
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(dance.vertices, 3));
    geometry.setAttribute("normal", new THREE.BufferAttribute(dance.normals, 3, true));
    geometry.setAttribute("skinIndex", new THREE.BufferAttribute(dance.skin, 4));
    geometry.setAttribute("skinWeight", new THREE.BufferAttribute(dance.weights, 4));
    geometry.setIndex(new THREE.BufferAttribute(dance.faces, 1));
    const mesh = new THREE.SkinnedMesh(geometry, material);
    this.bones = Array.from({ length: 24 }, () => new THREE.Bone());
    const inverses = this.bones.map((_, bone) =>
      new THREE.Matrix4().makeTranslation(...dance.rest.subarray(3 * bone, 3 * bone + 3)).invert(),
    );
    mesh.bind(new THREE.Skeleton(this.bones, inverses), new THREE.Matrix4());
    mesh.castShadow = true;
    mesh.frustumCulled = false;
    this.add(mesh, ...this.bones);
    this.mesh = mesh;
    this._turn = new THREE.Quaternion();
  }

  show(time) {
    const [first, next, share] = this.dance.between(time);
    const { positions, quaternions } = this.dance;
    this.bones.forEach((bone, index) => {
      const [a, b] = [first, next].map((frame) => 3 * (24 * frame + index));
      bone.position.set(...[0, 1, 2].map((axis) => positions[a + axis] * (1 - share) + positions[b + axis] * share));
      const [c, d] = [first, next].map((frame) => 4 * (24 * frame + index));
      bone.quaternion.set(...[0, 1, 2, 3].map((part) => quaternions[c + part] / UNIT)).normalize();
      this._turn.set(...[0, 1, 2, 3].map((part) => quaternions[d + part] / UNIT)).normalize();
      bone.quaternion.slerp(this._turn, share);
    });
  }

  dispose() {
    this.mesh.geometry.dispose();
    this.mesh.skeleton.dispose();
  }
}

const UP = new THREE.Vector3(0, 1, 0);
const CYLINDER = new THREE.CylinderGeometry(1, 1, 1, 12, 1);
const BALL = new THREE.SphereGeometry(1, 16, 12);

/* Glowing limbs between the 18 joints. */
export class Limbs extends THREE.Group {
  constructor() {
    super();
    this.paints = LIMB_COLOURS.map(
      (colour) => new THREE.MeshStandardMaterial({ color: colour, emissive: colour, emissiveIntensity: 0.45, roughness: 0.5 }),
    );
    this.limbs = LIMBS.map((_, limb) => this._part(CYLINDER, this.paints[limb]));
    this.balls = JOINTS.slice(0, 14).map((_, joint) => this._part(BALL, this.paints[joint]));
    this.head = this._part(BALL, this.paints[13]);
    this._ends = [new THREE.Vector3(), new THREE.Vector3(), new THREE.Vector3()];
  }

  _part(geometry, paint) {
    const part = new THREE.Mesh(geometry, paint);
    part.castShadow = true;
    this.add(part);
    return part;
  }

  show(joints) {
    const [from, to, way] = this._ends;
    LIMBS.forEach(([first, last], limb) => {
      const part = this.limbs[limb];
      from.fromArray(joints, 3 * first);
      way.subVectors(to.fromArray(joints, 3 * last), from);
      const length = way.length();
      part.visible = Number.isFinite(length) && length > 1e-4;
      if (!part.visible) return;
      part.position.addVectors(from, to).multiplyScalar(0.5);
      part.scale.set(0.028, length, 0.028);
      part.quaternion.setFromUnitVectors(UP, way.normalize());
    });
    this.balls.forEach((ball, joint) => {
      ball.position.fromArray(joints, 3 * joint);
      ball.visible = joint > 0 && Number.isFinite(ball.position.x);
      ball.scale.setScalar(0.036);
    });
    this.head.position.fromArray(joints, 48).add(from.fromArray(joints, 51)).multiplyScalar(0.5);
    if (!Number.isFinite(this.head.position.x)) this.head.position.fromArray(joints, 0);
    this.head.visible = Number.isFinite(this.head.position.x);
    this.head.scale.set(0.085, 0.115, 0.1);
  }

  dispose() {
    for (const paint of this.paints) paint.dispose();
  }
}

/* Balls that a person can take hold of, one on each joint of the body. */
export class Handles extends THREE.Group {
  constructor() {
    super();
    this.paint = new THREE.MeshBasicMaterial({ color: "#ffe14d", depthTest: false, transparent: true, opacity: 0.9 });
    this.taken = new THREE.MeshBasicMaterial({ color: "#ff4fc3", depthTest: false });
    this.balls = JOINTS.slice(0, 14).map((_, joint) => {
      const ball = new THREE.Mesh(BALL, this.paint);
      ball.userData.joint = joint;
      ball.renderOrder = 5;
      this.add(ball);
      return ball;
    });
  }

  show(joints, taken) {
    this.balls.forEach((ball, joint) => {
      ball.position.fromArray(joints, 3 * joint);
      ball.visible = Number.isFinite(ball.position.x);
      ball.material = joint === taken ? this.taken : this.paint;
      ball.scale.setScalar(joint === taken ? 0.05 : 0.034);
    });
  }

  dispose() {
    this.paint.dispose();
    this.taken.dispose();
  }
}
