export type Group = 'Natural' | 'Specialized' | 'Structured';

/** A data set of VTAB-1K (Zhai et al. 2019, arXiv 1910.04867): 1,000 labeled pictures, and a test set. */
export interface Task {
  /** The name of its folder, as the papers' code has it. */
  readonly name: string;
  readonly group: Group;
  readonly classes: number;
}

const inGroup = (group: Group, classes: Readonly<Record<string, number>>): Task[] =>
  Object.entries(classes).map(([name, count]) => ({ name, group, classes: count }));

/** The 19 tasks, in the order of the papers' tables. */
export const tasks: readonly Task[] = [
  ...inGroup('Natural', {
    cifar: 100,
    caltech101: 102,
    dtd: 47,
    oxford_flowers102: 102,
    oxford_iiit_pet: 37,
    svhn: 10,
    sun397: 397,
  }),
  ...inGroup('Specialized', { patch_camelyon: 2, eurosat: 10, resisc45: 45, diabetic_retinopathy: 5 }),
  ...inGroup('Structured', {
    clevr_count: 8,
    clevr_dist: 6,
    dmlab: 6,
    kitti: 4,
    dsprites_loc: 16,
    dsprites_ori: 16,
    smallnorb_azi: 18,
    smallnorb_ele: 9,
  }),
];

export const groups: readonly Group[] = ['Natural', 'Specialized', 'Structured'];

/** The task of that name, if it is one of the 19. */
export const taskOf = (name: string): Task | undefined => tasks.find(task => task.name === name);
